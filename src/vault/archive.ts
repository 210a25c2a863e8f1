import type { ReadableBackend } from '../backends/backend.ts';
import { sleep } from '../core/clock.ts';
import type { Timer } from '../core/clock.ts';
import { READS_AT_ONCE } from '../core/limits.ts';
import type { ProgressSink } from '../core/progress.ts';
import type { IndexedStripe, PlacedShard } from '../format/index/segment-body.ts';
import { shardObjectName } from '../format/shard/name.ts';
import { aheadInOrder } from './ahead.ts';
import { placesOf } from './places.ts';
import type { Place } from './places.ts';
import { byIndex } from './presence.ts';
import type { Presence } from './presence.ts';
import { readOnce } from './read-object.ts';
import type { ObjectRefusal } from './read-object.ts';

/**
 * Shards in an archive class must be asked for, and come back hours later. All that a plan needs are asked for before any is read,
 * so that those hours pass once.
 */

/** A shard that was asked for and is not back. */
export interface ColdShard {
  readonly stripe: IndexedStripe;
  readonly shard: PlacedShard;
  readonly backend: ReadableBackend;
}

export interface Archives {
  readonly places: readonly Place[];
  readonly presence: Presence;
  /** Take every place for an archive, not only those where one of a few shards is. */
  readonly suspectAll?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Stripes that are looked at to find out which places are archives. */
const SAMPLES = 5;
/** How long to wait before asking again: at first, and at most. */
const PAUSE_MS_FIRST = 60_000;
const PAUSE_MS_MAX = 30 * 60_000;
const PAUSE_GROWTH = 1.5;

/**
 * Asks for as many shards of each stripe as are needed beside those that lie in no archive; gives those that are not back yet.
 * Places that keep no archive cost a few reads of one byte. @throws only when cancelled or on a fault of ours
 */
export async function askArchives(stripes: readonly IndexedStripe[], archives: Archives): Promise<ColdShard[]> {
  const isCold = await coldPlaces(stripes, archives);
  const cold: ColdShard[] = [];
  const ask = (stripe: IndexedStripe): Promise<ColdShard[]> => askFor(stripe, isCold, archives);
  for await (const asked of aheadInOrder(stripes, READS_AT_ONCE, ask)) cold.push(...asked);
  return cold;
}

export interface Waiting {
  readonly timer: Timer;
  readonly progress: ProgressSink;
  readonly signal?: AbortSignal | undefined;
}

/** Resolves when all of these can be read, or are not in an archive any more. Asks again at growing intervals. */
export async function waitForArchives(cold: readonly ColdShard[], { timer, progress, signal }: Waiting): Promise<void> {
  let waiting = cold;
  let pauseMs = PAUSE_MS_FIRST;
  while (waiting.length > 0) {
    const stage = `waiting for ${waiting.length} ${waiting.length === 1 ? 'shard' : 'shards'} in an archive`;
    progress({ stage, done: cold.length - waiting.length, total: cold.length, unit: 'objects' });
    await sleep(timer, pauseMs, signal);
    pauseMs = Math.min(PAUSE_MS_MAX, pauseMs * PAUSE_GROWTH);
    const still: ColdShard[] = [];
    const probes = aheadInOrder(waiting, READS_AT_ONCE, async (each) => ({ each, answer: await probe(each, signal) }));
    for await (const { each, answer } of probes) if (answer === 'archived') still.push(each);
    waiting = still;
  }
}

async function coldPlaces(
  stripes: readonly IndexedStripe[],
  archives: Archives,
): Promise<(backend: ReadableBackend) => boolean> {
  if (archives.suspectAll === true) return () => true;
  const step = Math.max(1, (stripes.length - 1) / (SAMPLES - 1));
  const samples = Array.from({ length: Math.min(SAMPLES, stripes.length) }, (_, i) => stripes[Math.round(i * step)]!);
  const sources = samples.flatMap((stripe) => stripe.shards.flatMap((shard) => sourcesOf(shard, stripe, archives)));
  const answers = await Promise.all(
    sources.map(async (source) => ({ ...source, answer: await probe(source, archives.signal) })),
  );
  const cold = new Set(answers.flatMap(({ backend, answer }) => (answer === 'archived' ? [backend] : [])));
  return (backend) => cold.has(backend);
}

async function askFor(
  stripe: IndexedStripe,
  isCold: (backend: ReadableBackend) => boolean,
  archives: Archives,
): Promise<ColdShard[]> {
  const choices = [...byIndex(stripe.shards).values()]
    .map((same) => same.flatMap((shard) => sourcesOf(shard, stripe, archives)))
    .filter((sources) => sources.length > 0);
  const inArchives = choices.filter((sources) => sources.every(({ backend }) => isCold(backend)));
  let needed = stripe.geometry.k - (choices.length - inArchives.length);
  const asked: ColdShard[] = [];
  for (const [source] of inArchives) {
    if (needed <= 0) break;
    const answer = await probe(source!, archives.signal);
    if (answer === 'archived') asked.push(source!);
    if (answer === 'archived' || typeof answer !== 'string') needed -= 1;
  }
  return asked;
}

/** Where a shard is listed. */
function sourcesOf(shard: PlacedShard, stripe: IndexedStripe, { places, presence }: Archives): ColdShard[] {
  const { shardLength } = stripe.geometry;
  const isListed = presence.presentShards([shard], shardLength).length > 0;
  const backends = [...(isListed ? placesOf(places, shard.holder) : []), ...presence.elsewhere(shard, shardLength)];
  return backends.map((backend) => ({ stripe, shard, backend }));
}

/** Asking for one byte asks for the shard. */
function probe({ shard, backend }: ColdShard, signal?: AbortSignal): Promise<Uint8Array | ObjectRefusal> {
  const range = { offset: 0, length: 1 };
  return readOnce(backend, shardObjectName(shard.name), signal, { range, digest: shard.name });
}
