import type { TierProfile } from '../config/schema.ts';
import type { Profile } from '../format/sealing/stripe.ts';

/** Plain copies are the code of which any one shard gives back the whole. */
export function profileOf(profile: TierProfile): Profile {
  return profile.kind === 'erasure' ? { k: profile.k, n: profile.n } : { k: 1, n: profile.count };
}
