/** Sorts items by a small key of each, equal ones as they stand; `offsets`: where the items of each key begin. */
export function countingSort(
  keys: Int32Array,
  items: Int32Array,
  keyCount: number,
): { readonly order: Int32Array; readonly offsets: Int32Array } {
  const offsets = new Int32Array(keyCount + 1);
  for (const item of items) offsets[keys[item]! + 1]! += 1;
  for (let key = 0; key < keyCount; key += 1) offsets[key + 1]! += offsets[key]!;
  const next = offsets.slice();
  const order = new Int32Array(items.length);
  for (const item of items) order[next[keys[item]!]!++] = item;
  return { order, offsets };
}

/** 0, 1, 2, … */
export function identity(count: number): Int32Array {
  const numbers = new Int32Array(count);
  for (let index = 0; index < count; index += 1) numbers[index] = index;
  return numbers;
}
