import { sql } from 'kysely';
import { ValenceError } from '../../core/errors.ts';
import { nearest } from '../../core/nearest.ts';
import type { Session } from '../../schema/database.ts';
import type { IndexedModel } from '../../schema/vector-index.ts';

/** What beliefs are compared with: a vector of a model. */
export interface VectorQuery {
  readonly model: IndexedModel;
  readonly values: readonly number[];
}

/** The models of the database, by name. */
export async function searchedModels(session: Session): Promise<readonly IndexedModel[]> {
  const { rows } = await sql<IndexedModel>`
    SELECT id, name, dimensions FROM valence.models ORDER BY name COLLATE "C"`.execute(session.kysely);
  return rows;
}

/**
 * The model of that name; without one the only one there is.
 * @throws `graph/not-found` when there is none, `graph/refused` when there are several and none is named
 */
export function chooseModel(models: readonly IndexedModel[], name: string | null): IndexedModel {
  if (name === null) {
    const [only, second] = models;
    if (only === undefined)
      throw new ValenceError('graph/not-found', 'no belief has an embedding yet', {
        hint: 'import embeddings, or make them with `valence embed`',
      });
    if (second === undefined) return only;
    throw new ValenceError('graph/refused', `there are several models: ${listed(models)}`, {
      hint: 'name one with --model, or as search.model in valence.yaml',
      context: { models: models.map((model) => model.name) },
    });
  }
  const found = models.find((model) => model.name === name);
  if (found !== undefined) return found;
  const near = nearest(
    name,
    models.map((model) => model.name),
  );
  const known = models.length === 0 ? 'no belief has an embedding yet' : `models: ${listed(models)}`;
  throw new ValenceError('graph/not-found', `there is no model ${name}`, {
    hint: near === null ? known : `did you mean ${near}?`,
    context: { model: name },
  });
}

/** Names of models, not too many of them. */
function listed(models: readonly IndexedModel[]): string {
  const names = models.slice(0, 10).map((model) => model.name);
  return `${names.join(', ')}${models.length > names.length ? ' and others' : ''}`;
}

/** @throws `graph/refused` for a vector of another length, of other than finite float4 numbers, or of zeros only */
export function checkVector({ model, values }: VectorQuery): void {
  if (values.length !== model.dimensions) {
    const has = values.length === 1 ? '1 number' : `${values.length} numbers`;
    throw new ValenceError('graph/refused', `the vector has ${has}, those of ${model.name} have ${model.dimensions}`, {
      hint: 'give a vector that the same model made, or name its model with --model',
      context: { dimensions: values.length, expected: model.dimensions },
    });
  }
  if (!values.every((value) => Number.isFinite(Math.fround(value))))
    throw new ValenceError('graph/refused', 'the vector holds what is no finite number of four bytes', {
      hint: 'see what made it: NaN and infinity come of a fault there',
    });
  if (values.every((value) => Math.fround(value) === 0))
    throw new ValenceError('graph/refused', 'the vector is zero, which has no direction to compare', {
      hint: 'give the vector of a text that is not empty',
    });
}

/** Within them no sum of the squares of 16,000 numbers overflows or vanishes in single precision, in which they are added up. */
const [MAGNITUDE_MIN, MAGNITUDE_MAX] = [2 ** -40, 2 ** 40];

/** Numbers that point the same way and can be compared: by a power of two, so that no digit changes. */
export function comparableValues({ values }: VectorQuery): readonly number[] {
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  if (largest === 0 || (largest >= MAGNITUDE_MIN && largest <= MAGNITUDE_MAX)) return values;
  const factor = 2 ** -Math.floor(Math.log2(largest));
  return values.map((value) => value * factor);
}

export async function hasEmbeddings(session: Session, model: IndexedModel): Promise<boolean> {
  const { rows } = await sql`SELECT FROM valence.belief_embeddings WHERE model_id = ${model.id}::uuid LIMIT 1`.execute(
    session.kysely,
  );
  return rows.length > 0;
}

/** A vector that somebody gave. @throws as `chooseModel` and `checkVector`; `graph/refused` for a model without embeddings */
export async function readVectorQuery(
  session: Session,
  name: string | null,
  values: readonly number[],
): Promise<VectorQuery> {
  const model = chooseModel(await searchedModels(session), name);
  const query = { model, values };
  checkVector(query);
  if (await hasEmbeddings(session, model)) return query;
  throw new ValenceError('graph/refused', `no belief has an embedding of ${model.name}`, {
    hint: `make them with \`valence embed --model ${model.name}\``,
    context: { model: model.name },
  });
}
