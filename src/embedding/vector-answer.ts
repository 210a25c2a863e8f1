/** Reads the answer of an embeddings call (OpenAI's API reference, "Create embeddings"), which may be anything. */

/** `problem`: why it is none, a clause; `isAboutText`: one of the texts got no vector, where others have one. */
export type VectorAnswer =
  | { readonly vectors: readonly Float32Array[]; readonly problem: null }
  | { readonly vectors: null; readonly problem: string; readonly isAboutText: boolean };

/** `count` vectors in the order of the texts, of equal length, `length` where that is given, finite and not zero. */
export function readVectors(body: string, count: number, length: number | null): VectorAnswer {
  let answer: unknown;
  try {
    answer = JSON.parse(body);
  } catch {
    // Python's own writer of JSON lets these through, though JSON has no such numbers.
    const hasNaN = /[[,]\s*-?(NaN|Infinity)/.test(body);
    return hasNaN ? problem('a vector has a member that is no number', true) : problem('the answer is not JSON');
  }
  const items = fieldsOf(answer)['data'];
  if (!Array.isArray(items)) return problem('the answer has no vectors');
  if (items.length !== count) return problem(`the answer has ${items.length} vectors for ${count} texts`);
  const ordered = inOrder(items.map(fieldsOf));
  if (ordered === null) return problem('the vectors are not numbered as the texts are');
  const vectors: Float32Array[] = [];
  for (const { embedding } of ordered) {
    const vector = readVector(embedding);
    if (typeof vector === 'string') return problem(vector, vector !== NO_VECTOR);
    vectors.push(vector);
  }
  const expected = length ?? vectors[0]?.length;
  const unlike = vectors.find((vector) => vector.length !== expected);
  if (unlike === undefined) return { vectors, problem: null };
  return problem(`a vector has ${unlike.length} numbers, where the model's have ${expected}`);
}

type Fields = Readonly<Record<string, unknown>>;

function problem(reason: string, isAboutText = false): VectorAnswer {
  return { vectors: null, problem: reason, isAboutText };
}

/** By `index`; as they stand where no item has one. */
function inOrder(items: readonly Fields[]): readonly Fields[] | null {
  if (items.every(({ index }) => index === undefined)) return items;
  const ordered: Fields[] = [];
  for (const item of items) {
    const { index } = item;
    const fits = typeof index === 'number' && Number.isInteger(index) && index >= 0 && index < items.length;
    if (!fits || ordered[index] !== undefined) return null;
    ordered[index] = item;
  }
  return ordered;
}

const NO_VECTOR = 'an item of the answer has no vector';

/** A vector, or what is wrong with it. */
function readVector(value: unknown): Float32Array | string {
  const numbers = typeof value === 'string' ? fromBase64(value) : value;
  if (!Array.isArray(numbers) || numbers.length === 0) return NO_VECTOR;
  // Some servers write null for what is no number.
  if (numbers.some((member) => typeof member !== 'number' && member !== null)) return NO_VECTOR;
  const vector = Float32Array.from(numbers as readonly (number | null)[], (member) => member ?? Number.NaN);
  if (!vector.every(Number.isFinite)) return 'a vector has a member that is no number of single precision';
  return vector.some((member) => member !== 0) ? vector : 'a vector has zeros only';
}

/** Float32 in little-endian order, as the API packs them. */
function fromBase64(text: string): number[] | null {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length % 4 !== 0 || bytes.toString('base64').replace(/=+$/, '') !== text.replace(/=+$/, '')) return null;
  return Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readFloatLE(4 * index));
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}
