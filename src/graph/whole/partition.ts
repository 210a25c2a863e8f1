/** Beliefs in groups without overlap: the largest group first, of equal ones that with the least belief. */
export interface Partition {
  readonly count: number;
  /** The group of each belief, -1 where it is in none. */
  readonly group: Int32Array;
  /** The members of group `g`, ascending, stand at `offsets[g]` up to but not at `offsets[g + 1]`. */
  readonly offsets: Int32Array;
  readonly members: Int32Array;
}

/** Beliefs with the same label are a group, those with -1 are in none. Labels lie below the number of beliefs. Linear. */
export function partition(labels: Int32Array): Partition {
  const sizes = new Int32Array(labels.length);
  const seen: number[] = [];
  for (const label of labels) {
    if (label < 0) continue;
    if (sizes[label] === 0) seen.push(label);
    sizes[label]! += 1;
  }
  const order = largestFirst(seen, sizes);
  const number = new Int32Array(labels.length);
  const offsets = new Int32Array(order.length + 1);
  order.forEach((label, group) => {
    number[label] = group;
    offsets[group + 1] = offsets[group]! + sizes[label]!;
  });
  const next = offsets.slice();
  const members = new Int32Array(offsets[order.length]!);
  const group = labels.map((label) => (label < 0 ? -1 : number[label]!));
  group.forEach((of, belief) => {
    if (of >= 0) members[next[of]!++] = belief;
  });
  return { count: order.length, group, offsets, members };
}

export function groupSize({ offsets }: Partition, group: number): number {
  return offsets[group + 1]! - offsets[group]!;
}

export function groupMembers({ offsets, members }: Partition, group: number): Int32Array {
  return members.subarray(offsets[group], offsets[group + 1]);
}

/** A counting sort; labels of equal size stay in their order, which is that of their least members. */
function largestFirst(labels: readonly number[], sizes: Int32Array): Int32Array {
  const starts = new Int32Array(sizes.length + 2);
  for (const label of labels) starts[sizes[label]!]! += 1;
  let before = 0;
  for (let size = sizes.length; size > 0; size -= 1) {
    const here = starts[size]!;
    starts[size] = before;
    before += here;
  }
  const order = new Int32Array(labels.length);
  for (const label of labels) order[starts[sizes[label]!]!++] = label;
  return order;
}
