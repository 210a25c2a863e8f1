import { expect, test } from 'vitest';
import { repairTriggers, silencedTriggers } from '../../src/schema/change-log-repair.ts';
import { positionOf } from '../support/change-states.ts';
import { forEachEngine } from '../support/engines.ts';

forEachEngine('triggers of the change log', ({ openMigrated }) => {
  test('that were switched off, and on in the ordinary way, are found and mended', async () => {
    const database = await openMigrated();
    expect(await silencedTriggers(database)).toEqual([]);
    await database.execute(
      'ALTER TABLE valence.beliefs DISABLE TRIGGER USER; ALTER TABLE valence.beliefs ENABLE TRIGGER USER',
    );
    await database.execute('ALTER TABLE valence.sources DISABLE TRIGGER log_insert');
    expect(await positionOf(database)).toBeNull();
    const names = ['log_delete', 'log_insert', 'log_replicated_row', 'log_truncate', 'log_update'];
    expect(await silencedTriggers(database)).toEqual([
      ...names.map((trigger) => ({ table: 'beliefs', trigger })),
      { table: 'sources', trigger: 'log_insert' },
    ]);
    await database.transaction({}, repairTriggers);
    expect(await silencedTriggers(database)).toEqual([]);
    expect(await positionOf(database)).not.toBeNull();
  });
});
