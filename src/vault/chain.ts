import { toHex } from '../core/bytes.ts';
import type { TierHead } from '../format/snapshot/summary.ts';
import type { BrokenSnapshot, Snapshot } from './snapshots.ts';

/**
 * Whether the snapshots found are all that were written. Each writer's snapshots of a tier form a chain by digest, and
 * every snapshot names the newest ones of all tiers that its writer knew (FORMAT.md §8.5).
 */

export interface ChainBreak {
  readonly tier: string;
  /** `missing`: a later snapshot refers to it. `fork`: two snapshots follow the same one. */
  readonly kind: 'missing' | 'fork';
  /** Digest of the snapshot that is gone, or of the one followed twice. */
  readonly digest: Uint8Array;
  /** Known for heads, null for a hole that only a digest points at. */
  readonly sequence: number | null;
  readonly detail: string;
}

/** What `known` heads add: those this host remembers having committed. */
export function findChainBreaks(
  snapshots: readonly Snapshot[],
  broken: readonly BrokenSnapshot[],
  known: readonly TierHead[] = [],
): ChainBreak[] {
  const present = new Set(snapshots.map((snapshot) => toHex(snapshot.manifest.digest)));
  const unreadable = new Set(broken.map(({ name }) => toHex(name.digest)));
  const breaks = new Map<string, ChainBreak>();
  const missing = (tier: string, digest: Uint8Array, sequence: number | null): void => {
    const id = toHex(digest);
    if (present.has(id) || unreadable.has(id) || breaks.has(id)) return;
    const which = sequence === null ? `snapshot ${id.slice(0, 12)}` : `snapshot ${sequence} (${id.slice(0, 12)})`;
    breaks.set(id, {
      tier,
      kind: 'missing',
      digest,
      sequence,
      detail: `${which} of tier ${tier} was committed but is in no location`,
    });
  };
  for (const { manifest, summary } of snapshots) {
    if (manifest.header.previous !== null) missing(manifest.header.tier, manifest.header.previous, null);
    for (const head of summary.heads) missing(head.tier, head.digest, head.sequence);
  }
  for (const head of known) missing(head.tier, head.digest, head.sequence);
  return [...breaks.values(), ...findForks(snapshots)];
}

function findForks(snapshots: readonly Snapshot[]): ChainBreak[] {
  const followers = new Map<string, Snapshot>();
  const forks: ChainBreak[] = [];
  for (const snapshot of snapshots) {
    const { tier, writerId, previous } = snapshot.manifest.header;
    const digest = previous ?? new Uint8Array(32);
    const key = `${tier}/${writerId}/${toHex(digest)}`;
    if (followers.has(key))
      forks.push({
        tier,
        kind: 'fork',
        digest,
        sequence: null,
        detail: `two snapshots of tier ${tier} follow the same one`,
      });
    else followers.set(key, snapshot);
  }
  return forks;
}
