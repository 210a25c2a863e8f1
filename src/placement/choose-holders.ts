import { createHash } from 'node:crypto';
import type { Domains } from './failure-domains.ts';
import { spreadOverDomains } from './promise.ts';

/** Which holders keep the shards of a stripe. A pure function: the same stripe and holders give the same answer. */

export interface Candidate {
  /** 16 bytes. */
  readonly holder: Uint8Array;
  readonly domains: Domains;
}

/**
 * Rendezvous hashing (Thaler and Ravishankar 1998): candidates ranked by SHA-256(stripe id ‖ holder id), then taken in
 * rounds over the failure domains. Shard i goes to the i-th; all that remain follow as spares, should one refuse. Of a stripe
 * that has lost shards `remaining` are the domains of the holders that have theirs still, who are not among the candidates.
 */
export function chooseHolders(
  stripeId: Uint8Array,
  candidates: readonly Candidate[],
  remaining: readonly Domains[] = [],
): number[] {
  const ranked = candidates
    .map((candidate, index) => ({ index, domains: candidate.domains, rank: rank(stripeId, candidate.holder) }))
    .sort((a, b) => Buffer.compare(a.rank, b.rank));
  const order = spreadOverDomains(
    ranked.map((entry) => entry.domains),
    ranked.length,
    remaining,
  );
  return order.map((position) => ranked[position]!.index);
}

function rank(stripeId: Uint8Array, holder: Uint8Array): Buffer {
  return createHash('sha256').update(stripeId).update(holder).digest();
}
