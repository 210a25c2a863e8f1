import { expect, test } from 'vitest';
import { foreignTables } from '../../src/schema/foreign-tables.ts';
import { forEachEngine } from '../support/engines.ts';

forEachEngine('foreign tables', ({ openMigrated }) => {
  test('are none in a database of ours alone', async () => {
    expect(await foreignTables(await openMigrated())).toEqual([]);
  });

  test('are listed with their rows, also beside our own, without what belongs to extensions or the system', async () => {
    const database = await openMigrated();
    await database.execute(`
      CREATE SCHEMA "My Notes";
      CREATE TABLE "My Notes".pages AS SELECT i FROM generate_series(1, 42) i;
      CREATE TABLE valence.scratch (i int);
      CREATE TABLE events (at int) PARTITION BY RANGE (at);
      CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (100);
      INSERT INTO events SELECT i FROM generate_series(1, 7) i;
      CREATE TABLE public.part_of_extension ();
      ALTER EXTENSION vector ADD TABLE public.part_of_extension;
      CREATE TEMPORARY TABLE passing (i int);
      CREATE VIEW public.seen AS SELECT 1;
      ANALYZE "My Notes".pages; ANALYZE valence.events_1;`);
    expect(await foreignTables(database)).toEqual([
      { schema: 'My Notes', name: 'pages', estimatedRows: 42 },
      { schema: 'valence', name: 'events', estimatedRows: 7 },
      { schema: 'valence', name: 'scratch', estimatedRows: null },
    ]);
  });
});
