import { CostHeap } from './cost-heap.ts';

/**
 * The k best paths without a belief twice (Yen 1971), each part of the remaining ones searched once (Lawler 1972): what is
 * left after a path was taken falls into parts, one for each place where another path may leave it. A part costs the same
 * whatever the length of its path, so that there may be one for each of many thousand places.
 */

/** A way from the first to the last belief. */
export interface FoundPath {
  readonly beliefs: readonly number[];
  readonly cost: number;
}

/** All paths that begin with the first beliefs of a path, and do not go on as it does or as others that were taken before. */
export class PathSet {
  /** How many beliefs of the path they begin with. */
  readonly length: number;
  /** Of these, without the last of them. */
  readonly prefixCost: number;
  readonly #path: PlacedPath;
  readonly #taken: ReadonlySet<number>;

  constructor(
    path: PlacedPath,
    part: { readonly length: number; readonly prefixCost: number; readonly taken: ReadonlySet<number> },
  ) {
    this.#path = path;
    this.length = part.length;
    this.prefixCost = part.prefixCost;
    this.#taken = part.taken;
  }

  static ofAllFrom(belief: number): PathSet {
    return new PathSet(new PlacedPath([belief]), { length: 1, prefixCost: 0, taken: NONE });
  }

  /** Where paths of the set part: the last belief that they have in common. */
  get spur(): number {
    return this.#path.beliefs[this.length - 1]!;
  }

  prefix(): readonly number[] {
    return this.#path.beliefs.slice(0, this.length);
  }

  /** Whether a belief is among those that they begin with, where they may not come again. */
  holds(belief: number): boolean {
    const place = this.#path.places.get(belief);
    return place !== undefined && place < this.length;
  }

  /** Whether they do not go on with this belief. */
  excludes(belief: number): boolean {
    return this.#path.beliefs[this.length] === belief || this.#taken.has(belief);
  }

  /** What is left of it without its best path, in parts without overlap. */
  *without(best: FoundPath, costOfStep: (from: number, to: number) => number): Generator<PathSet, void, undefined> {
    const path = new PlacedPath(best.beliefs);
    let { prefixCost } = this;
    for (let length = this.length; length < best.beliefs.length; length += 1) {
      yield new PathSet(path, { length, prefixCost, taken: length === this.length ? this.#excluded() : NONE });
      prefixCost += costOfStep(best.beliefs[length - 1]!, best.beliefs[length]!);
    }
  }

  #excluded(): ReadonlySet<number> {
    const next = this.#path.beliefs[this.length];
    return next === undefined ? this.#taken : new Set([...this.#taken, next]);
  }
}

/** A path, and where on it each of its beliefs stands. */
class PlacedPath {
  readonly beliefs: readonly number[];
  readonly places: ReadonlyMap<number, number>;

  constructor(beliefs: readonly number[]) {
    this.beliefs = beliefs;
    this.places = new Map(beliefs.map((belief, place) => [belief, place]));
  }
}

const NONE: ReadonlySet<number> = new Set();

export interface SetSearch {
  /** No path of the set costs less. Cheap to ask. */
  boundOf(set: PathSet): number;
  /** The best path of a set that costs no more than `costMax`, `null` when there is none. */
  bestOf(set: PathSet, costMax: number): FoundPath | null;
}

/** The best path of all is known; the others come in order, one by one, so that what was found stays when a search ends early. */
export function* bestFirst(
  first: FoundPath,
  { k, costMax }: { readonly k: number; readonly costMax: number },
  costOfStep: (from: number, to: number) => number,
  search: SetSearch,
): Generator<FoundPath, void, undefined> {
  const sets = new SetQueue();
  const paths = new PathQueue(k);
  paths.add({ path: first, set: PathSet.ofAllFrom(first.beliefs[0]!) });
  for (;;) {
    // Of equal ones a set comes before a path: it may have one that comes before that.
    if (sets.leastBound <= paths.leastCost && sets.leastBound < Infinity) {
      // A set is searched only when it may have the next path, and no further than paths that are known.
      const set = sets.take();
      const path = search.bestOf(set, Math.min(costMax, paths.costOfLast));
      if (path !== null) paths.add({ path, set });
      continue;
    }
    const next = paths.take();
    if (next === undefined) return;
    yield next.path;
    if (paths.wanted === 0) return;
    for (const part of next.set.without(next.path, costOfStep)) sets.add(part, search.boundOf(part));
  }
}

/** Sets by what their paths cost at least. */
class SetQueue {
  readonly #heap = new CostHeap();
  readonly #sets: (PathSet | undefined)[] = [];

  /** `Infinity` when there is none. */
  get leastBound(): number {
    return this.#heap.leastKey;
  }

  add(set: PathSet, bound: number): void {
    if (bound === Infinity) return;
    this.#heap.push(this.#sets.length, bound);
    this.#sets.push(set);
  }

  /** There must be one. */
  take(): PathSet {
    const at = this.#heap.pop();
    const set = this.#sets[at]!;
    this.#sets[at] = undefined;
    return set;
  }
}

interface Candidate {
  readonly path: FoundPath;
  /** It is the best one of this set. */
  readonly set: PathSet;
}

/** Paths that are known and not given yet: by cost, then by the numbers of their beliefs in order; no more than are wanted. */
class PathQueue {
  /** Paths that are still to be given. */
  wanted: number;
  readonly #paths: Candidate[] = [];

  constructor(wanted: number) {
    this.wanted = wanted;
  }

  /** `Infinity` when there is none. */
  get leastCost(): number {
    return this.#paths[0]?.path.cost ?? Infinity;
  }

  /** What a path may cost at most to be wanted; `Infinity` while not so many are known. */
  get costOfLast(): number {
    return this.#paths[this.wanted - 1]?.path.cost ?? Infinity;
  }

  add(candidate: Candidate): void {
    let [low, high] = [0, this.#paths.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compare(candidate.path, this.#paths[middle]!.path) < 0) high = middle;
      else low = middle + 1;
    }
    this.#paths.splice(low, 0, candidate);
    if (this.#paths.length > this.wanted) this.#paths.pop();
  }

  take(): Candidate | undefined {
    this.wanted -= 1;
    return this.#paths.shift();
  }
}

function compare(a: FoundPath, b: FoundPath): number {
  if (a.cost !== b.cost) return a.cost - b.cost;
  const at = a.beliefs.findIndex((belief, index) => belief !== b.beliefs[index]);
  return at === -1 ? 0 : a.beliefs[at]! - b.beliefs[at]!;
}
