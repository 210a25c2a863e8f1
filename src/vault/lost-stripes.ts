import { toHex } from '../core/bytes.ts';
import { ValenceError } from '../core/errors.ts';
import { uuidText } from '../core/ids.ts';
import type { IndexedStripe, PlacedShard } from '../format/index/segment-body.ts';
import { stripeId } from '../format/sealing/stripe.ts';
import { shardObjectName } from '../format/shard/name.ts';
import type { ObjectProblem } from './read-object.ts';

/** What cannot be rebuilt from the places at hand, told so that a person knows which place to bring back. */

/** What people call holders, by id (UUID text). */
export type HolderNames = ReadonlyMap<string, string>;

/** A shard that cannot be had. */
export interface LackingShard {
  readonly shard: PlacedShard;
  /** At each place that should have it; empty where its holder is none of the places. */
  readonly problems: readonly ObjectProblem[];
}

export interface LostStripe {
  readonly stripe: IndexedStripe;
  /** Shards that can be had, fewer than k. */
  readonly present: number;
  readonly missing: readonly LackingShard[];
}

/** The name of a holder, or its id where no snapshot names it. */
export function holderName(names: HolderNames, holder: Uint8Array): string {
  const id = uuidText(holder);
  return names.get(id) ?? id;
}

/** That stripes cannot be rebuilt, with the exact list of the shards that are missing: `missing` for people, `stripes` for programs. */
export function tooFewShards(lost: readonly LostStripe[], names: HolderNames): ValenceError {
  const missing = lost.flatMap((stripe) => stripe.missing.map((shard) => describe(shard, names)));
  const holders = [
    ...new Set(lost.flatMap((stripe) => stripe.missing.map(({ shard }) => holderName(names, shard.holder)))),
  ].sort();
  return new ValenceError('integrity/too-few-shards', messageOf(lost), {
    hint: `name more locations with --from; the missing shards were stored at ${holders.join(', ')}`,
    context: { missing, total: missing.length, stripes: lost.map((stripe) => lostStripeFacts(stripe, names)) },
  });
}

function messageOf(lost: readonly LostStripe[]): string {
  const [first] = lost;
  if (first === undefined || lost.length > 1) return `${lost.length} stripes have too few shards left to be rebuilt`;
  const { k, n } = first.stripe.geometry;
  return `only ${first.present} of ${n} shards of a stripe can be read and ${k} are needed`;
}

function describe({ shard, problems }: LackingShard, names: HolderNames): string {
  const object = shardObjectName(shard.name);
  if (problems.length === 0)
    return `${object} of ${holderName(names, shard.holder)}, which was not named or not reached`;
  return `${object} of ${holderName(names, shard.holder)}: ${problems.map(({ kind, location }) => `${kind} at ${location}`).join(', ')}`;
}

/** What a program is told of a stripe that cannot be rebuilt: `stripes` in the context of `tooFewShards`. */
export function lostStripeFacts(
  { stripe, present, missing }: LostStripe,
  names: HolderNames,
): Readonly<Record<string, unknown>> {
  const shards = missing.map(({ shard, problems }) => ({
    index: shard.index,
    holder: uuidText(shard.holder),
    name: holderName(names, shard.holder),
    object: shardObjectName(shard.name),
    problems,
  }));
  return { stripe: toHex(stripeId(stripe.geometry)), present, needed: stripe.geometry.k, missing: shards };
}
