import { toHex } from '../core/bytes.ts';
import type { PlacedShard } from '../format/index/segment-body.ts';

/** Which of several shards of an index counts: repairs can leave more than one, and a holder with shards of two. */

export interface SpreadShards {
  /** Of each index one, no two at one holder. */
  readonly apart: readonly PlacedShard[];
  /** Of each other index the first one: its holders all have one of `apart`. */
  readonly doubled: readonly PlacedShard[];
}

/**
 * One shard of each index, at as many different holders as can be (a matching, by augmenting paths), and those first in the list
 * preferred: what a stripe survives is counted by holders, and a holder whose shard lies elsewhere, too, can take another.
 */
export function spreadShards(shards: readonly PlacedShard[]): SpreadShards {
  const choices = new Map<number, Seat[]>();
  for (const shard of shards) {
    const choice = { shard, holder: toHex(shard.holder) };
    const same = choices.get(shard.index);
    if (same === undefined) choices.set(shard.index, [choice]);
    else same.push(choice);
  }
  const seated = new Map<string, PlacedShard>();
  for (const index of choices.keys()) seat(index, { choices, seated, tried: new Set() });
  const apart = [...seated.values()];
  const placed = new Set(apart.map(({ index }) => index));
  const doubled = [...choices].flatMap(([index, [first]]) => (placed.has(index) ? [] : [first!.shard]));
  return { apart, doubled };
}

interface Seat {
  readonly shard: PlacedShard;
  readonly holder: string;
}

interface Seating {
  readonly choices: ReadonlyMap<number, readonly Seat[]>;
  /** By holder. */
  readonly seated: Map<string, PlacedShard>;
  /** Holders that were asked to make room. */
  readonly tried: Set<string>;
}

/** False: there is no holder left for it, whoever moves. */
function seat(index: number, seating: Seating): boolean {
  const { choices, seated, tried } = seating;
  for (const { shard, holder } of choices.get(index)!) {
    if (tried.has(holder)) continue;
    tried.add(holder);
    const sitting = seated.get(holder);
    if (sitting !== undefined && !seat(sitting.index, seating)) continue;
    seated.set(holder, shard);
    return true;
  }
  return false;
}
