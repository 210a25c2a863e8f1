import fc from 'fast-check';
import type pg from 'pg';
import { expect, test } from 'vitest';
import type { Database } from '../../src/schema/database.ts';
import { isValenceError } from '../../src/core/errors.ts';
import { expectCovers, seeState, toldSince } from '../support/change-states.ts';
import type { SeenState } from '../support/change-states.ts';
import { forEachEngine } from '../support/engines.ts';
import { ServerDatabase } from '../support/server-database.ts';
import { testId } from '../support/substrate-rows.ts';

const slow = process.env['SLOW'] === '1';
const SEED = 11;

/** Beliefs of one group are linked among themselves only, so that sessions with a group each never wait for one another. */
const GROUP = 8;
const MODEL = testId(0xa0);

const literal = (id: string): string => `'${id}'::uuid`;

interface Statement {
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
const statement: fc.Arbitrary<Statement> = fc.record({
  one: place,
  other: place,
  kind: fc.constantFrom(...kinds),
  value: fc.integer({ min: 0, max: 9 }),
});

function sqlOf(group: number, made: Statement): string {
  return KINDS[made.kind]((at) => literal(testId(group * GROUP + at + 1)), made);
}

/** Whether a key names a belief or source of the group, or an edge, model or imported source, whose ids tell nothing. */
function touches(told: string, group: number): boolean {
  const [tree = '', key = ''] = told.split(' ');
  if (tree === 'sources') return true;
  return Array.from({ length: GROUP }, (_, at) => testId(group * GROUP + at + 1).replaceAll('-', '')).some((id) =>
    key.includes(id),
  );
}

async function setUp(database: Database): Promise<void> {
  await database.execute(`INSERT INTO models (id, name, dimensions) VALUES ('${MODEL}', 'm', 2)`);
}

forEachEngine('whatever happens between two snapshots, the change log', ({ engine, openMigrated }) => {
  test('tells of every row that differs, and of none that nobody touched', async () => {
    const database = await openMigrated();
    await setUp(database);
    // Somebody else's beliefs, which nobody touches.
    for (const kind of ['upsert', 'link', 'source', 'embed'] as const) {
      for (let at = 0; at < GROUP; at += 1) {
        await database.execute(sqlOf(1, { kind, one: at, other: (at + 1) % GROUP, value: at }));
      }
    }
    const step = fc.record({ statement, undone: fc.boolean(), savepoint: fc.constantFrom('none', 'kept', 'undone') });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        const before = await seeState(database);
        for (const made of steps) await run(database, made);
        const beyond = expectCovers(await toldSince(database, before.position), before, await seeState(database));
        expect(beyond.filter((told) => !touches(told, 0))).toEqual([]);
      }),
      { seed: SEED, numRuns: slow ? 300 : engine === 'pglite' ? 12 : 30 },
    );
  });

  interface Step {
    readonly statement: Statement;
    readonly undone: boolean;
    readonly savepoint: string;
  }

  async function run(database: Database, { statement: made, undone, savepoint }: Step): Promise<void> {
    const GIVEN_UP = new Error('given up');
    const attempt = database.transaction({}, async (session) => {
      if (savepoint !== 'none') await session.execute(`SAVEPOINT s`);
      await session.execute(sqlOf(0, made));
      if (savepoint === 'kept') await session.execute('RELEASE s');
      if (savepoint === 'undone') await session.execute('ROLLBACK TO s');
      if (undone && made.value < 4) throw GIVEN_UP;
    });
    await attempt.catch((error: unknown) => {
      if (error !== GIVEN_UP && !isValenceError(error)) throw error;
    });
  }
});

test('sessions that overlap in any way hide nothing from any of the snapshots between', async () => {
  await using server = await ServerDatabase.open();
  await setUp(server.database);
  const sessions = [new WritingSession(0, await server.connect()), new WritingSession(1, await server.connect())];
  const act = fc.oneof(
    { weight: 6, arbitrary: fc.record({ act: fc.constant('write' as const), session: fc.nat(1), statement }) },
    {
      weight: 3,
      arbitrary: fc.record({
        act: fc.constantFrom('begin' as const, 'repeatable' as const, 'commit' as const, 'rollback' as const),
        session: fc.nat(1),
      }),
    },
    { weight: 2, arbitrary: fc.record({ act: fc.constant('snapshot' as const) }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 5, maxLength: 25 }), async (acts) => {
      const seen: SeenState[] = [await seeState(server.database)];
      for (const made of acts) {
        if (made.act === 'snapshot') seen.push(await seeState(server.database));
        else if (made.act === 'write') await sessions[made.session]!.write(made.statement);
        else await sessions[made.session]!.turn(made.act);
      }
      for (const session of sessions) await session.turn(acts.length % 2 === 0 ? 'commit' : 'rollback');
      const end = await seeState(server.database);
      for (const before of seen) expectCovers(await toldSince(server.database, before.position), before, end);
    }),
    { seed: SEED, numRuns: slow ? 400 : 40 },
  );
});

/** A connection that writes to its own group of beliefs, in and out of transactions. */
class WritingSession {
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
