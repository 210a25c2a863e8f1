import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Database } from '../../src/schema/database.ts';
import { isValenceError } from '../../src/core/errors.ts';
import { expectCovers, seeState, toldSince } from '../support/change-states.ts';
import type { SeenState } from '../support/change-states.ts';
import { forEachEngine } from '../support/engines.ts';
import { ServerDatabase } from '../support/server-database.ts';
import { addModel, GROUP, sqlOf, statement, WritingSession } from '../support/random-statements.ts';
import type { Statement } from '../support/random-statements.ts';
import { testId } from '../support/substrate-rows.ts';

const slow = process.env['SLOW'] === '1';
const SEED = 11;

/** Whether a key names a belief or source of the group, or an edge, model or imported source, whose ids tell nothing. */
function touches(told: string, group: number): boolean {
  const [tree = '', key = ''] = told.split(' ');
  if (tree === 'sources') return true;
  return Array.from({ length: GROUP }, (_, at) => testId(group * GROUP + at + 1).replaceAll('-', '')).some((id) =>
    key.includes(id),
  );
}

forEachEngine('whatever happens between two snapshots, the change log', ({ engine, openMigrated }) => {
  test('tells of every row that differs, and of none that nobody touched', async () => {
    const database = await openMigrated();
    await addModel(database);
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
  await addModel(server.database);
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
