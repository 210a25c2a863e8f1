import { isValenceError } from '../core/errors.ts';
import type { SegmentBody } from '../format/index/segment-body.ts';
import { planFold } from '../placement/fold-plan.ts';
import { chunksOf, livePacks, placesIn } from './fold-packs.ts';
import { gatherPacks } from './gather-packs.ts';
import type { GatherOptions } from './gather-packs.ts';
import { textKey } from './known-chunks.ts';
import { SegmentBuilder, segmentBytes } from './segment-builder.ts';

/**
 * Writes the newest index segments, and the small packs they place, again as one, so that a thousand small snapshots have
 * few segments and few small stripes. Nothing is removed or changed: older manifests go on naming the segments that are
 * no longer listed, and shards that nobody needs any more wait for whoever prunes. FORMAT.md §7.5, decision 0011.
 */

export interface FoldOptions extends GatherOptions {
  /** Consecutive segments, oldest first, the last of which ends the index. No segment before them places a chunk that they place. */
  readonly bodies: readonly SegmentBody[];
}

/**
 * What to list in place of `bodies`: one body, none when nothing of them is left, several when one would be longer than a writer
 * makes segments. The index finds the same live chunks with them as before, each in one place with the same bytes.
 * @throws only what `readStripe` and `place` throw apart from `integrity/*` and `backend/*`
 */
export async function foldSegments(options: FoldOptions): Promise<SegmentBody[]> {
  const { bodies } = options;
  const packs = await gatherPacks(livePacks(bodies), options);
  return inSegments({ ...packs, dropped: namesToDrop(bodies, packs) });
}

/**
 * Dropped names that still say something: of chunks that older segments place, and of dead chunks in stripes that are listed
 * again. A chunk that came and went within these segments leaves no trace.
 */
function namesToDrop(
  before: readonly SegmentBody[],
  after: Pick<SegmentBody, 'stripes' | 'inline'>,
): readonly Uint8Array[] {
  const namesIn = (body: Pick<SegmentBody, 'stripes' | 'inline'>): string[] =>
    placesIn(body).flatMap((place) => chunksOf(place).map(({ name }) => textKey(name)));
  const placed = new Set(before.flatMap(namesIn));
  const stillPlaced = new Set(namesIn(after));
  const dropped = new Map(before.flatMap((body) => body.dropped.map((name) => [textKey(name), name] as const)));
  return [...dropped].filter(([key]) => !placed.has(key) || stillPlaced.has(key)).map(([, name]) => name);
}

function inSegments({ stripes, inline, dropped }: SegmentBody): SegmentBody[] {
  const [builder, bodies]: [SegmentBuilder, SegmentBody[]] = [new SegmentBuilder(), []];
  const takeIf = (isDue: boolean): void => {
    const body = isDue ? builder.take() : null;
    if (body !== null) bodies.push(body);
  };
  for (const stripe of stripes) {
    builder.addStripe(stripe);
    takeIf(builder.isFull);
  }
  for (const pack of inline) {
    builder.addInline(pack);
    takeIf(builder.isFull);
  }
  for (const name of dropped) {
    builder.addDropped(name);
    takeIf(builder.isFull);
  }
  takeIf(true);
  return bodies;
}

export interface ListedSegment {
  readonly digest: Uint8Array;
  /** As an object. */
  readonly sizeBytes: number;
}

export interface FoldIndexOptions extends GatherOptions {
  /** The segments that the snapshot names so far, in order. */
  readonly listed: readonly ListedSegment[];
  /** The run's own last one, not written yet. */
  readonly newest: SegmentBody;
  /** Rejects when the segment cannot be had. */
  readonly readSegment: (digest: Uint8Array) => Promise<SegmentBody>;
}

export interface FoldedIndex {
  /** How many of the listed segments, from the first on, the snapshot goes on naming. */
  readonly kept: number;
  /** To be written and named after them. */
  readonly bodies: readonly SegmentBody[];
}

/**
 * What a run writes in place of its own last segment: that one and those before it folded, as `planFold` chooses; the segment alone
 * where none is to be folded, or one cannot be read.
 * @throws as `foldSegments`
 */
export async function foldIndex(options: FoldIndexOptions): Promise<FoldedIndex> {
  const { listed, newest } = options;
  const first = planFold(
    listed.map(({ sizeBytes }) => sizeBytes),
    segmentBytes(newest),
  );
  const older = first === null ? null : await readAll(listed.slice(first), options);
  if (first === null || older === null) return { kept: listed.length, bodies: [newest] };
  return { kept: first, bodies: await foldSegments({ ...options, bodies: [...older, newest] }) };
}

/** Null when one cannot be had; whatever that is, it must not keep a run from being committed. */
async function readAll(
  segments: readonly ListedSegment[],
  { readSegment }: FoldIndexOptions,
): Promise<SegmentBody[] | null> {
  try {
    return await Promise.all(segments.map(({ digest }) => readSegment(digest)));
  } catch (error) {
    if (isValenceError(error) && /^(backend|integrity|format)\//.test(error.code)) return null;
    throw error;
  }
}
