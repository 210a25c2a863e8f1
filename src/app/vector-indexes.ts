import type { Database } from '../schema/database.ts';
import type { AppContext } from './context.ts';
import { indexTitle, missingIndexes } from './missing-indexes.ts';
import { languageToIndex } from './search-language.ts';

/** Gives texts and every model that can have one an index. Interrupted, it goes on where it stopped when called again. */
export async function buildMissingIndexes(context: AppContext, database: Database): Promise<void> {
  for (const index of await missingIndexes(database, await languageToIndex(context))) {
    context.signal.throwIfAborted();
    context.progress({ stage: `building ${indexTitle(index)}` });
    await index.build();
  }
}
