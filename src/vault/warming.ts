import { systemTimer } from '../core/clock.ts';
import type { Timer } from '../core/clock.ts';
import { isValenceError } from '../core/errors.ts';
import type { ProgressSink } from '../core/progress.ts';
import type { IndexedStripe } from '../format/index/segment-body.ts';
import { shardObjectName } from '../format/shard/name.ts';
import { askArchives, waitForArchives } from './archive.ts';
import type { Archives } from './archive.ts';
import { inArchive } from './read-object.ts';
import type { SealedSource } from './sealed-source.ts';

/** What to do about shards that lie in an archive. */
export interface WhenArchived {
  /** Wait for hours; else it ends once all that is needed was asked for. */
  readonly wait: boolean;
  readonly progress: ProgressSink;
  readonly timer?: Timer | undefined;
}

/**
 * Asks for all that these stripes need from archives, and waits for it if that is wanted. `false`: nothing of it lies there, as
 * far as was looked.
 * @throws `backend/archived` where there is something to wait for, and waiting is not wanted
 */
export async function bringBack(
  stripes: readonly IndexedStripe[],
  archives: Archives,
  { wait, progress, timer = systemTimer }: WhenArchived,
): Promise<boolean> {
  const cold = await askArchives(stripes, archives);
  if (cold.length === 0) return false;
  const objects = cold.map(({ shard }) => shardObjectName(shard.name));
  if (!wait)
    throw inArchive(cold.length === 1 ? 'one shard that is needed' : `${cold.length} shards that are needed`, objects);
  await waitForArchives(cold, { timer, progress, signal: archives.signal });
  return true;
}

/** The same when a shard was met in an archive: first of the places that a few stripes show to be one, else of every place. */
export async function bringBackMet(
  stripes: readonly IndexedStripe[],
  archives: Archives,
  how: WhenArchived,
): Promise<void> {
  if (await bringBack(stripes, archives, how)) return;
  await bringBack(stripes, { ...archives, suspectAll: true }, how);
}

/**
 * Chunks of which some may lie in an archive. Which of them are needed shows only when they are read, each telling of the next; so
 * that the hours of an archive pass once, `bringBackAll` is called when the first is met, and is to bring back everything.
 */
export class WarmedSource implements SealedSource {
  readonly #inner: SealedSource;
  readonly #bringBackAll: () => Promise<void>;
  #bringing: Promise<void> | null = null;

  constructor(inner: SealedSource, bringBackAll: () => Promise<void>) {
    this.#inner = inner;
    this.#bringBackAll = bringBackAll;
  }

  async sealed(name: Uint8Array): Promise<Uint8Array> {
    try {
      return await this.#inner.sealed(name);
    } catch (error) {
      if (!isValenceError(error, 'backend/archived')) throw error;
      await (this.#bringing ??= this.#bringBackAll());
      return this.#inner.sealed(name);
    }
  }
}
