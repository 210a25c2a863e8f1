import fc from 'fast-check';
import { test } from 'vitest';
import { isValenceError } from '../../src/core/errors.ts';
import type { Database } from '../../src/schema/database.ts';
import { BackedDatabase } from '../support/backed-database.ts';
import { forEachEngine } from '../support/engines.ts';
import { addModel, sqlOf, statement, WritingSession } from '../support/random-statements.ts';
import type { Statement } from '../support/random-statements.ts';
import { ServerDatabase } from '../support/server-database.ts';

const slow = process.env['SLOW'] === '1';
const SEED = 17;

interface Write {
  readonly statement: Statement;
  readonly undone: boolean;
}

async function write(database: Database, { statement: made, undone }: Write): Promise<void> {
  const attempt = database.transaction({}, async (session) => {
    await session.execute('SAVEPOINT s');
    await session.execute(sqlOf(0, made));
    await session.execute(undone ? 'ROLLBACK TO s' : 'RELEASE s');
  });
  await attempt.catch((error: unknown) => {
    if (!isValenceError(error)) throw error;
  });
}

const tiers = fc.constantFrom(['hourly'], ['hourly'], ['daily'], ['hourly', 'daily']);
const truncates = fc.constantFrom(false, false, false, false, false, true);

forEachEngine('the root of an incremental snapshot', ({ engine, openMigrated }) => {
  test('is that of a full scan, and of a database rebuilt from it', async () => {
    const database = await openMigrated();
    await addModel(database);
    const round = fc.record({
      writes: fc.array(fc.record({ statement, undone: fc.boolean() }), { maxLength: 6 }),
      truncates,
      tiers,
    });
    let count = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(round, { minLength: 2, maxLength: 6 }), async (rounds) => {
        count += 1;
        const backed = new BackedDatabase(database, `incremental ${engine} ${count}`);
        for (const made of rounds) {
          for (const each of made.writes) await write(database, each);
          if (made.truncates) await database.execute('TRUNCATE valence.belief_edges, valence.belief_embeddings');
          await backed.backUp(made.tiers);
        }
        if (count % 10 === 1) await backed.rebuild(await openMigrated());
      }),
      { seed: SEED, numRuns: slow ? 1500 : engine === 'pglite' ? 8 : 25 },
    );
  });
});

test('transactions that overlap runs in any way hide nothing from any of them', async () => {
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
    { weight: 3, arbitrary: fc.record({ act: fc.constant('back up' as const), tiers }) },
  );
  let count = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 8, maxLength: 25 }), async (acts) => {
      count += 1;
      const backed = new BackedDatabase(server.database, `overlapping ${count}`);
      for (const made of acts) {
        if (made.act === 'back up') await backed.backUp(made.tiers);
        else if (made.act === 'write') await sessions[made.session]!.write(made.statement);
        else await sessions[made.session]!.turn(made.act);
      }
      for (const session of sessions) await session.turn(acts.length % 2 === 0 ? 'commit' : 'rollback');
      await backed.backUp(['hourly', 'daily']);
    }),
    { seed: SEED, numRuns: slow ? 1500 : 20 },
  );
});
