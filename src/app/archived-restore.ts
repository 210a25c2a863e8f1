import { isValenceError } from '../core/errors.ts';
import type { RestoreInput, RestorePlan } from '../pipeline/restore.ts';
import { bringBack, bringBackMet } from '../vault/warming.ts';
import type { WhenArchived } from '../vault/warming.ts';

export interface ArchivedRestore {
  readonly input: RestoreInput;
  readonly plan: RestorePlan;
  readonly archived: WhenArchived;
}

/**
 * Restores once every shard that is needed is at hand. Shards that lie in an archive where none was looked for are met while
 * restoring: then nothing of that is kept, and all places are asked.
 * @throws `backend/archived` unless waiting is wanted, and what `restore` throws
 */
export async function withArchives<T>(
  { input: { places, signal }, plan: { index, presence }, archived }: ArchivedRestore,
  restore: () => Promise<T>,
): Promise<T> {
  const archives = { places, presence, signal };
  await bringBack(index.liveStripes(), archives, archived);
  try {
    return await restore();
  } catch (error) {
    if (!isValenceError(error, 'backend/archived')) throw error;
    await bringBackMet(index.liveStripes(), archives, archived);
    return restore();
  }
}
