import fc from 'fast-check';
import type pg from 'pg';
import type { Database } from '../../src/schema/database.ts';
import { testId } from './substrate-rows.ts';

/** Statements by which people change a substrate, at random, and sessions that make them. */

/** Beliefs of one group are linked among themselves only, so that sessions with a group each never wait for one another. */
export const GROUP = 8;
const MODEL = testId(0xa0);

const literal = (id: string): string => `'${id}'::uuid`;

export interface Statement {
  /** Beliefs, and sources, by their place in the group. */
  readonly one: number;
  readonly other: number;
  readonly kind: keyof typeof KINDS;
  readonly value: number;
}

type Ids = (place: number) => string;

/** What people do, as SQL. Some fail, as people's statements do. */
const KINDS = {
  add: (id: Ids, { one, value }: Statement) =>
    `INSERT INTO beliefs (id, content) VALUES (${id(one)}, '${value}') ON CONFLICT (id) DO NOTHING`,
  upsert: (id: Ids, { one, other, value }: Statement) =>
    `INSERT INTO beliefs (id, content) SELECT DISTINCT unnest(ARRAY[${id(one)}, ${id(other)}]), '${value}'
     ON CONFLICT (id) DO UPDATE SET content = excluded.content`,
  change: (id: Ids, { one, other, value }: Statement) =>
    `UPDATE beliefs SET confidence = ${value / 10} WHERE id BETWEEN ${id(Math.min(one, other))} AND ${id(Math.max(one, other))}`,
  touch: (id: Ids, { one }: Statement) => `UPDATE beliefs SET content = content WHERE id = ${id(one)}`,
  remove: (id: Ids, { one }: Statement) =>
    `DELETE FROM belief_edges WHERE ${id(one)} IN (source_id, target_id); DELETE FROM beliefs WHERE id = ${id(one)}`,
  removeLinked: (id: Ids, { one }: Statement) => `DELETE FROM beliefs WHERE id = ${id(one)}`,
  link: (id: Ids, { one, other, value }: Statement) =>
    `INSERT INTO belief_edges (id, source_id, target_id, type)
     SELECT gen_random_uuid(), ${id(one)}, ${id(other)}, '${['supports', 'contradicts', 'derives_from'][value % 3]}'`,
  relink: (id: Ids, { one, other }: Statement) =>
    `UPDATE belief_edges SET target_id = ${id(other)} WHERE source_id = ${id(one)} AND type <> 'contradicts'`,
  weigh: (id: Ids, { one, value }: Statement) =>
    `UPDATE belief_edges SET weight = ${value / 10} WHERE target_id = ${id(one)}`,
  source: (id: Ids, { one, other }: Statement) =>
    `INSERT INTO sources (id, type, external_id) VALUES (${id(one)}, 'web', gen_random_uuid()::text) ON CONFLICT (id) DO NOTHING;
     INSERT INTO belief_sources (belief_id, source_id) VALUES (${id(other)}, ${id(one)}) ON CONFLICT DO NOTHING`,
  embed: (id: Ids, { one, value }: Statement) =>
    `INSERT INTO belief_embeddings (belief_id, model_id, embedding) VALUES (${id(one)}, '${MODEL}', '[1,${value}]')
     ON CONFLICT (model_id, belief_id) DO UPDATE SET embedding = excluded.embedding`,
  merge: (id: Ids, { one, other, value }: Statement) =>
    `MERGE INTO beliefs b USING (SELECT DISTINCT unnest(ARRAY[${id(one)}, ${id(other)}]) AS id) n ON n.id = b.id
     WHEN MATCHED THEN UPDATE SET confidence = ${value / 10} WHEN NOT MATCHED THEN INSERT (id, content) VALUES (n.id, 'merged')`,
  import: (id: Ids, { one, value }: Statement) =>
    `SET LOCAL session_replication_role = replica;
     UPDATE sources SET id = gen_random_uuid(), title = '${value}' WHERE id = ${id(one)};
     DELETE FROM belief_versions WHERE belief_id = ${id(one)}; SET LOCAL session_replication_role = origin`,
} as const;

const kinds = Object.keys(KINDS) as (keyof typeof KINDS)[];
const place = fc.integer({ min: 0, max: GROUP - 1 });
export const statement: fc.Arbitrary<Statement> = fc.record({
  one: place,
  other: place,
  kind: fc.constantFrom(...kinds),
  value: fc.integer({ min: 0, max: 9 }),
});

/** What a statement is in the beliefs of a group. */
export function sqlOf(group: number, made: Statement): string {
  return KINDS[made.kind]((at) => literal(testId(group * GROUP + at + 1)), made);
}

/** The model that the statements embed for. */
export async function addModel(database: Database): Promise<void> {
  await database.execute(`INSERT INTO models (id, name, dimensions) VALUES ('${MODEL}', 'm', 2)`);
}

/** A connection that writes to its own group of beliefs, in and out of transactions. */
export class WritingSession {
  readonly #group: number;
  readonly #client: pg.Client;
  #open = false;

  constructor(group: number, client: pg.Client) {
    this.#group = group;
    this.#client = client;
  }

  async write(made: Statement): Promise<void> {
    const statements = sqlOf(this.#group, made);
    if (!this.#open) await this.#client.query('BEGIN');
    await this.#client.query('SAVEPOINT s');
    await this.#client.query(statements).catch(() => this.#client.query('ROLLBACK TO s'));
    if (!this.#open) await this.#client.query('COMMIT');
  }

  async turn(to: 'begin' | 'repeatable' | 'commit' | 'rollback'): Promise<void> {
    if (to === 'commit' || to === 'rollback') {
      if (this.#open) await this.#client.query(to);
      this.#open = false;
    } else if (!this.#open) {
      await this.#client.query(to === 'begin' ? 'BEGIN' : 'BEGIN ISOLATION LEVEL REPEATABLE READ');
      this.#open = true;
    }
  }
}
