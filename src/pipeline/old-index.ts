import type { CatalogSegment, CatalogStripe, TierRecord, TreePosition } from '../core/ports.ts';
import { isValenceError } from '../core/errors.ts';
import type { IndexedStripe } from '../format/index/segment-body.ts';
import { IndexMap, readIndex } from '../vault/index-map.ts';
import type { SegmentIndexed } from '../vault/index-map.ts';
import type { Keyring } from '../vault/keyring.ts';
import type { Place } from '../vault/places.ts';
import type { Presence } from '../vault/presence.ts';
import type { RepairedStripes } from '../vault/repaired-stripes.ts';
import type { ObjectProblem } from '../vault/read-object.ts';
import { availableChunks } from './known-chunks.ts';
import type { KnownChunks } from './known-chunks.ts';
import { rememberedStripes } from './remembered-stripes.ts';
import type { RepairedView } from './remembered-stripes.ts';

/** The index of the tier's last snapshot, read back for a full scan: what of it the next one can still build on. */
export interface OldIndex {
  readonly segments: readonly SegmentIndexed[];
  readonly index: IndexMap;
  /** Damaged copies that were met. */
  readonly problems: readonly ObjectProblem[];
  readonly notes: readonly string[];
}

const NOTHING: OldIndex = { segments: [], index: new IndexMap(), problems: [], notes: [] };

/** An index that is lost must not stop backups: the next one begins anew, and says so. */
export async function readOldIndex(
  places: readonly Place[],
  keyring: Keyring,
  record: TierRecord | null,
  { repaired, signal }: { readonly repaired: RepairedStripes; readonly signal?: AbortSignal | undefined },
): Promise<OldIndex> {
  if (record === null) return NOTHING;
  try {
    const digests = record.segments.map(({ digest }) => digest);
    const read = await readIndex(places, keyring, digests, signal);
    read.index.learn(repaired);
    return { ...read, notes: [] };
  } catch (error) {
    if (!isValenceError(error, 'integrity/authentication-failed', 'integrity/too-few-shards', 'format/malformed'))
      throw error;
    return { ...NOTHING, notes: [`everything was stored anew, because an old index is lost: ${error.message}`] };
  }
}

/** Makes every chunk that is remembered known, as far as the index and the holders' lists can still find it. */
export async function loadKnownChunks(
  known: KnownChunks,
  positions: AsyncIterable<TreePosition>,
  { index }: OldIndex,
  presence: Presence,
): Promise<void> {
  const isAvailable = availableChunks(index, presence);
  // A leaf is of use only with all its pieces, which come after it.
  let leaf: TreePosition[] = [];
  const flush = (): void => {
    const isWhole = leaf.every(({ name }) => isAvailable(name));
    for (const position of leaf) {
      if (isWhole) known.add(position);
      else known.addUnfindable(position);
    }
  };
  for await (const position of positions) {
    if (position.piece === 0) {
      flush();
      leaf = [];
    }
    leaf.push(position);
  }
  flush();
}

/** What to remember of the old segments: of their stripes those that the new snapshot needs. */
export function neededSegments(
  { segments, index }: OldIndex,
  known: KnownChunks,
  view: RepairedView,
): CatalogSegment[] {
  const needed = new Set<IndexedStripe>();
  for (const name of known.used()) {
    const place = index.find(name);
    if (place !== null && 'stripe' in place.pack) needed.add(place.pack.stripe);
  }
  return segments.map(({ digest, sizeBytes, stripes }) => ({
    digest,
    sizeBytes,
    stripes: stripes.filter((stripe) => needed.has(stripe)).flatMap((stripe) => rememberedStripes(stripe, view)),
  }));
}

/** The stripes of some segments. */
export function stripesOf(segments: readonly CatalogSegment[]): CatalogStripe[] {
  return segments.flatMap(({ stripes }) => [...stripes]);
}
