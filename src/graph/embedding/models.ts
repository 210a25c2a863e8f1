import { sql } from 'kysely';
import { ValenceError } from '../../core/errors.ts';
import type { Session } from '../../schema/database.ts';
import { modelId } from '../records/derived-ids.ts';

export interface Model {
  readonly id: string;
  readonly name: string;
  /** How many numbers its vectors have. */
  readonly dimensions: number;
}

/** `null`: there is none of that name. */
export async function modelNamed(session: Session, name: string): Promise<Model | null> {
  const query = session.kysely.selectFrom('models').select(['id', 'name', 'dimensions']).where('name', '=', name);
  return (await query.executeTakeFirst()) ?? null;
}

/**
 * The model of that name, made with these dimensions where there is none; what is there keeps its own, which may be others.
 * `now`: ISO 8601. @throws `graph/refused` when another model has its id
 */
export async function requireModel(
  session: Session,
  model: { readonly name: string; readonly dimensions: number },
  now: string,
): Promise<Model> {
  await sql`
    INSERT INTO valence.models (id, name, dimensions, created_at)
    VALUES (${modelId(model.name)}, ${model.name}, ${model.dimensions}, ${now}::timestamptz)
    ON CONFLICT DO NOTHING`.execute(session.kysely);
  const found = await modelNamed(session, model.name);
  if (found !== null) return found;
  throw new ValenceError('graph/refused', `the id of the model ${model.name} is that of another model`, {
    hint: 'give the model another name under embedders in valence.yaml',
  });
}

export interface ModelCounts extends Model {
  readonly embeddings: number;
  /** Beliefs that are not archived and have no embedding of it. */
  readonly missing: number;
}

/** By name. Counts every embedding. */
export async function listModels(session: Session): Promise<readonly ModelCounts[]> {
  const { rows } = await sql<ModelCounts>`
    SELECT m.id, m.name, m.dimensions,
      (SELECT count(*)::int FROM valence.belief_embeddings AS e WHERE e.model_id = m.id) AS embeddings,
      (SELECT count(*)::int FROM valence.beliefs AS b WHERE b.status <> 'archived' AND NOT EXISTS (
        SELECT FROM valence.belief_embeddings AS e WHERE e.model_id = m.id AND e.belief_id = b.id)) AS missing
    FROM valence.models AS m ORDER BY m.name COLLATE "C"`.execute(session.kysely);
  return rows;
}

/**
 * Takes the model out with all its embeddings, in a transaction of the caller; gives the number of these. Who adds one
 * meanwhile waits, and finds no model.
 */
export async function removeModel(session: Session, id: string): Promise<number> {
  await sql`SELECT FROM valence.models WHERE id = ${id}::uuid FOR UPDATE`.execute(session.kysely);
  const { numAffectedRows } = await sql`DELETE FROM valence.belief_embeddings WHERE model_id = ${id}::uuid`.execute(
    session.kysely,
  );
  await session.kysely.deleteFrom('models').where('id', '=', id).execute();
  return Number(numAffectedRows ?? 0n);
}
