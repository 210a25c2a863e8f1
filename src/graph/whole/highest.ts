/**
 * The `count` of these numbers with the highest scores, highest first, of equal ones the lesser number. A heap of that
 * many: a listing of twenty out of a million does not sort the million.
 */
export function highest(numbers: Iterable<number>, scores: ArrayLike<number>, count: number): Int32Array {
  const worse = (one: number, other: number): boolean =>
    scores[one]! < scores[other]! || (scores[one] === scores[other] && one > other);
  const heap: number[] = [];
  if (count > 0) {
    for (const number of numbers) {
      if (heap.length < count) raise(heap, number, worse);
      else if (worse(heap[0]!, number)) lower(heap, number, worse);
    }
  }
  return Int32Array.from(heap).sort((one, other) => (worse(other, one) ? -1 : 1));
}

type Worse = (one: number, other: number) => boolean;

/** Puts another one in; the worst stands at the top. */
function raise(heap: number[], number: number, worse: Worse): void {
  let at = heap.push(number) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!worse(number, heap[parent]!)) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = number;
}

/** Puts it in the place of the worst. */
function lower(heap: number[], number: number, worse: Worse): void {
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child + 1 < heap.length && worse(heap[child + 1]!, heap[child]!)) child += 1;
    if (child >= heap.length || !worse(heap[child]!, number)) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = number;
}
