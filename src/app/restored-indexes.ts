import type { Database } from '../schema/database.ts';
import { buildVectorIndex, missingVectorIndexes } from '../schema/vector-index.ts';
import type { RestoreIndex } from './backup-calls.ts';
import type { AppContext } from './context.ts';

/** Gives every model that can have a vector index one, and tells of each. */
export async function* buildIndexes(
  context: AppContext,
  database: Database,
): AsyncGenerator<RestoreIndex, void, undefined> {
  for (const model of await missingVectorIndexes(database)) {
    context.signal.throwIfAborted();
    yield { type: 'index', model: model.name, state: 'building' };
    const built = await buildVectorIndex(database, model);
    yield { type: 'index', model: model.name, state: built === 'built' || built === 'present' ? 'built' : 'skipped' };
  }
  await database.sync();
}
