import type { Database } from '../schema/database.ts';
import type { RestoreIndex } from './backup-calls.ts';
import type { AppContext } from './context.ts';
import { missingIndexes } from './missing-indexes.ts';
import { languageToIndex } from './search-language.ts';

/**
 * Gives texts and every model that can have one an index, and tells of each. `language`: of the knowledge where it comes
 * from; that of this home when left out.
 */
export async function* buildIndexes(
  context: AppContext,
  database: Database,
  language?: string | null,
): AsyncGenerator<RestoreIndex, void, undefined> {
  const words = language === undefined ? await languageToIndex(context) : language;
  for (const index of await missingIndexes(database, words)) {
    const of = { type: 'index', model: index.model, language: index.language } as const;
    context.signal.throwIfAborted();
    yield { ...of, state: 'building' };
    const built = await index.build();
    yield { ...of, state: built === 'built' || built === 'present' ? 'built' : 'skipped' };
  }
  await database.sync();
}
