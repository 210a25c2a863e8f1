import { encodeStripe, stripeId, storeShard, StripeScratch } from '../format/sealing/stripe.ts';
import type { Profile, StoredShard, StripeGeometry } from '../format/sealing/stripe.ts';
import { chooseHolders } from '../placement/choose-holders.ts';
import type { Candidate } from '../placement/choose-holders.ts';

/** From a pack to shards ready for their holders: all the arithmetic of a stripe, and no I/O. */

export interface CodingTask {
  /** The coder may take the bytes away. */
  readonly pack: Uint8Array;
  readonly profile: Profile;
  readonly maskKey: Uint8Array;
  readonly candidates: readonly Candidate[];
}

export interface CodedStripe {
  readonly geometry: StripeGeometry;
  /** Candidates in the order they were chosen: shard i is for the i-th, the others are spares. */
  readonly order: readonly number[];
  /** Shard i as its holder keeps it; fewer than n when there are fewer candidates. */
  readonly shards: readonly StoredShard[];
}

/** The mask epoch of a shard's first placement. */
export const FIRST_EPOCH = 0;

const scratch = new StripeScratch();

export function codeStripe({ pack, profile, maskKey, candidates }: CodingTask): CodedStripe {
  const { geometry, shards } = encodeStripe(pack, profile, scratch);
  const id = stripeId(geometry);
  const order = chooseHolders(id, candidates);
  const stored = shards.slice(0, order.length).map((shard, index) => {
    const { holder } = candidates[order[index]!]!;
    return storeShard(maskKey, { stripeId: id, index, holder, epoch: FIRST_EPOCH }, shard);
  });
  return { geometry, order, shards: stored };
}

/** Codes stripes; may do so elsewhere than in this thread. */
export interface StripeCoder {
  code(task: CodingTask): Promise<CodedStripe>;
}

export const directCoder: StripeCoder = { code: (task) => Promise.resolve(codeStripe(task)) };
