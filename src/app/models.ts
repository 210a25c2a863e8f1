import { ValenceError } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';
import { countUnembedded } from '../graph/embedding/missing-embeddings.ts';
import { listModels, modelNamed, removeModel } from '../graph/embedding/models.ts';
import { dropVectorIndex, indexedType, missingVectorIndexes } from '../schema/vector-index.ts';
import type { AppContext } from './context.ts';
import { read } from './database-access.ts';
import type { ModelCalls, ModelRecord, ModelRemoval } from './embed-calls.ts';

/** The calls about models of embeddings over one context. */
export function modelCalls(context: AppContext): ModelCalls {
  return { list: () => list(context), remove: (name) => remove(context, name) };
}

async function list(context: AppContext): Promise<readonly ModelRecord[]> {
  const embedders = (await context.config())?.embedders ?? new Map<string, never>();
  return read(context, async (session) => {
    const stored = await listModels(session);
    const unindexed = new Set((await missingVectorIndexes(session)).map(({ id }) => id));
    const records = stored.map(({ id, name, dimensions, embeddings, missing }): ModelRecord => {
      const indexed = indexedType(dimensions) !== null && !unindexed.has(id);
      return { type: 'model', name, dimensions, embeddings, missing, indexed, host: hostOf(embedders.get(name)) };
    });
    const names = new Set(stored.map(({ name }) => name));
    const others = [...embedders].filter(([name]) => !names.has(name));
    const { beliefs } = await countUnembedded(session, { modelId: null }, 1);
    const planned = others.map(([name, embedder]): ModelRecord => {
      const { dimensions } = embedder;
      return {
        type: 'model',
        name,
        dimensions,
        embeddings: 0,
        missing: beliefs,
        indexed: false,
        host: hostOf(embedder),
      };
    });
    return [...records, ...planned].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  });
}

async function remove(context: AppContext, name: string): Promise<ModelRemoval> {
  const database = await context.database();
  const model = await modelNamed(database, name);
  if (model === null) {
    const names = (await listModels(database)).map((known) => known.name);
    const near = nearest(name, names);
    throw new ValenceError('graph/not-found', `there is no model ${name} in the database`, {
      hint: near === null ? `there are: ${names.join(', ') || 'none'}` : `did you mean ${near}?`,
    });
  }
  // First: with it, every row that goes would be looked up in it. What is left of a removal that is interrupted is a model
  // without an index, which the next one, or the next embedding, puts right.
  await dropVectorIndex(database, model.id);
  const embeddings = await database.transaction({ mode: 'write' }, (session) => removeModel(session, model.id));
  await database.sync();
  return { type: 'model-removed', name, embeddings };
}

function hostOf(embedder: { readonly url: string } | undefined): string | null {
  return embedder === undefined ? null : new URL(embedder.url).host;
}
