import type { Database } from '../schema/database.ts';
import { buildVectorIndex, missingVectorIndexes } from '../schema/vector-index.ts';
import type { AppContext } from './context.ts';

/** Gives every model that can have a vector index one. Interrupted, it goes on where it stopped when called again. */
export async function buildMissingIndexes(context: AppContext, database: Database): Promise<void> {
  for (const model of await missingVectorIndexes(database)) {
    context.signal.throwIfAborted();
    context.progress({ stage: `building the vector index of ${model.name}` });
    await buildVectorIndex(database, model);
  }
}
