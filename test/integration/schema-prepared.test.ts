import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { forEachEngine } from '../support/engines.ts';

forEachEngine('queries that come again', ({ engine, open }) => {
  test('answer the same, prepared or not, also after the table was changed', async () => {
    const database = await open();
    await database.execute('CREATE TABLE public.things (a int); INSERT INTO public.things VALUES (1), (2)');
    const ask = async (least: number): Promise<unknown> =>
      (await sql`SELECT * FROM public.things WHERE a >= ${least}::int ORDER BY a`.execute(database.kysely)).rows;
    for (let time = 0; time < 10; time += 1) expect(await ask(time % 3)).toHaveLength([2, 2, 1][time % 3]!);
    await database.execute("ALTER TABLE public.things ADD COLUMN b text DEFAULT 'x'");
    // The connection that had the old answer prepared refuses once, and is replaced.
    if (engine === 'postgres') await expect(ask(2)).rejects.toMatchObject({ context: { sqlstate: '0A000' } });
    expect(await ask(2)).toEqual([{ a: 2, b: 'x' }]);
  });

  test.runIf(engine === 'postgres')('are prepared from the third time on', async () => {
    const database = await open();
    const prepared = await database.transaction({}, async (session) => {
      for (let time = 0; time < 4; time += 1) await sql`SELECT ${time}::int AS once_more`.execute(session.kysely);
      return sql`SELECT statement FROM pg_prepared_statements WHERE statement LIKE '%once_more%'
        AND statement NOT LIKE '%pg_prepared%'`.execute(session.kysely);
    });
    expect(prepared.rows).toEqual([{ statement: 'SELECT $1::int AS once_more' }]);
  });
});
