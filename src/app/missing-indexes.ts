import type { Database } from '../schema/database.ts';
import { buildTextIndex, lacksTextIndex } from '../schema/text-index.ts';
import { buildVectorIndex, missingVectorIndexes } from '../schema/vector-index.ts';
import type { IndexBuild } from '../schema/vector-index.ts';

/** An index that searches would be faster with. Exactly one of `model` and `language` is not `null`. */
export interface MissingIndex {
  readonly model: string | null;
  readonly language: string | null;
  build(): Promise<IndexBuild>;
}

/** Of the words of texts in a language (`null`: none is wanted), then of the embeddings of each model. */
export async function missingIndexes(database: Database, language: string | null): Promise<readonly MissingIndex[]> {
  const words = language !== null && (await lacksTextIndex(database, language)) ? [language] : [];
  const models = await missingVectorIndexes(database);
  return [
    ...words.map((name) => ({ model: null, language: name, build: () => buildTextIndex(database, name) })),
    ...models.map((model) => ({ model: model.name, language: null, build: () => buildVectorIndex(database, model) })),
  ];
}

/** e.g. "the text index (english)" */
export function indexTitle({ model, language }: Pick<MissingIndex, 'model' | 'language'>): string {
  return model === null ? `the text index (${language})` : `the vector index of ${model}`;
}
