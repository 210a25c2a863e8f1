import { systemTimer } from '../core/clock.ts';
import type { Timer } from '../core/clock.ts';
import { isValenceError } from '../core/errors.ts';
import { shardObjectName } from '../format/shard/name.ts';
import type { RestoreInput, RestorePlan } from '../pipeline/restore.ts';
import { askArchives, waitForArchives } from '../vault/archive.ts';
import { inArchive } from '../vault/read-object.ts';
import type { AppContext } from './context.ts';

export interface ArchivedRestore {
  readonly input: RestoreInput;
  readonly plan: RestorePlan;
  /** Else it ends once all that is needed was asked for. */
  readonly wait: boolean;
  readonly timer?: Timer | undefined;
}

type Reporting = Pick<AppContext, 'signal' | 'progress'>;

/**
 * Restores once every shard that is needed is at hand. Shards that lie in an archive where none was looked for are met while
 * restoring: then nothing of that is kept, and all places are asked.
 * @throws `backend/archived` unless waiting is wanted, and what `restore` throws
 */
export async function withArchives<T>(
  context: Reporting,
  archived: ArchivedRestore,
  restore: () => Promise<T>,
): Promise<T> {
  await warm(context, archived, false);
  try {
    return await restore();
  } catch (error) {
    if (!isValenceError(error, 'backend/archived')) throw error;
    await warm(context, archived, true);
    return restore();
  }
}

async function warm(
  { signal, progress }: Reporting,
  { input: { places }, plan: { index, presence }, wait, timer = systemTimer }: ArchivedRestore,
  suspectAll: boolean,
): Promise<void> {
  const cold = await askArchives(index.liveStripes(), { places, presence, suspectAll, signal });
  if (cold.length === 0) return;
  const objects = cold.map(({ shard }) => shardObjectName(shard.name));
  if (!wait) throw inArchive(`${cold.length === 1 ? 'one shard' : `${cold.length} shards`} of the snapshot`, objects);
  await waitForArchives(cold, { timer, progress, signal });
}
