import { expect, test } from 'vitest';
import { beginChangeLogAnew } from '../../src/schema/change-log-trim.ts';
import { repairTriggers } from '../../src/schema/change-log-repair.ts';
import type { BackedUp } from '../../src/pipeline/backup.ts';
import type { Database } from '../../src/schema/database.ts';
import { BackedDatabase } from '../support/backed-database.ts';
import { forEachEngine } from '../support/engines.ts';
import { rejection } from '../support/expect-code.ts';
import { auditSnapshot } from '../support/snapshot-audit.ts';
import { testId } from '../support/substrate-rows.ts';

/** When every row is read although a snapshot went before, what is said of it, and that nothing is lost by it. */

const BELIEFS = 400;
const CHANGE = `UPDATE valence.beliefs SET confidence = 0.5 WHERE id = '${testId(7)}'`;

async function fill(database: Database): Promise<void> {
  const rows = Array.from({ length: BELIEFS }, (_, i) => `('${testId(i + 1)}', 'belief ${i} ${'x'.repeat(120)}')`);
  await database.execute(`INSERT INTO valence.beliefs (id, content) VALUES ${rows.join(', ')}`);
}

const told = ({ scan, notes }: BackedUp): { scan: string; notes: readonly string[] } => ({ scan, notes });
const said = (reason: string): unknown => ({ scan: 'everything', notes: [expect.stringContaining(reason)] });
const CHANGES = { scan: 'changes', notes: [] };

forEachEngine('a run', ({ openMigrated }) => {
  async function backed(): Promise<{ database: Database; vault: BackedDatabase }> {
    const database = await openMigrated();
    await fill(database);
    const vault = new BackedDatabase(database, 'full scan');
    await vault.backUp(['main']);
    return { database, vault };
  }

  async function next(vault: BackedDatabase): Promise<BackedUp> {
    const [done] = await vault.backUp(['main']);
    expect(await auditSnapshot(vault.vault, done!.snapshot.manifest.digest)).toEqual({ dropped: [], leaked: [] });
    return done!;
  }

  test.for([
    ['a trigger is off', 'ALTER TABLE valence.beliefs DISABLE TRIGGER log_update', 'switched off'],
    ['a trigger was off', offAndOn('log_update'), 'a trigger of the change log, was changed'],
    ['a column was rewritten', 'ALTER TABLE valence.beliefs ALTER COLUMN content TYPE text USING content', 'a table'],
    ['entries were taken out', 'DELETE FROM valence_catalog.changes', 'begun anew'],
    ['the log was emptied', 'TRUNCATE valence_catalog.changes', 'begun anew'],
    ['the position is of another server', withPosition('system', '1'), 'restored or moved'],
    ['the position is of another timeline', withPosition('timeline', 'ffffffff'), "server's timeline changed"],
    ['the position is of another schema', withPosition('schemaVersion', '99'), 'the schema was migrated'],
    ['the position is nonsense', "UPDATE valence_catalog.heads SET position = 'x'", 'cannot be read'],
  ] as const)('reads every row and says so when %s', async ([, statement, reason]) => {
    const { database, vault } = await backed();
    await database.execute(CHANGE);
    await database.execute(statement);
    expect(told(await next(vault))).toEqual(said(reason));
    await database.transaction({}, repairTriggers);
    await vault.backUp(['main']);
    await database.execute(CHANGE);
    expect(told(await next(vault))).toEqual(CHANGES);
  });

  test('reads every row once when the log had reached its limit', async () => {
    const { database, vault } = await backed();
    await database.execute('UPDATE valence_catalog.change_log SET limit_bytes = 0');
    for (let i = 0; i < 3; i += 1) await database.execute(CHANGE.replace('0.5', `0.${i}`));
    await database.execute('UPDATE valence_catalog.change_log SET limit_bytes = 1048576');
    expect(told(await next(vault))).toEqual(said('reached its limit'));
    expect(await beginChangeLogAnew(database)).toBe('begun');
    await vault.backUp(['main']);
    await database.execute(CHANGE);
    expect(told(await next(vault))).toEqual(CHANGES);
  });

  // The catalog is a cache: whatever becomes of it costs an upload, and no row.
  test.for([
    [
      'a leaf',
      'DELETE FROM valence_catalog.chunks WHERE ctid = (SELECT ctid FROM valence_catalog.chunks WHERE tree = 1 AND level = 0 LIMIT 1)',
    ],
    [
      'the root of a tree',
      'DELETE FROM valence_catalog.chunks WHERE tree = 1 AND level = (SELECT max(level) FROM valence_catalog.chunks WHERE tree = 1)',
    ],
    ['every chunk', 'DELETE FROM valence_catalog.chunks'],
    ['the segments', 'DELETE FROM valence_catalog.segments'],
    ['the trees', "UPDATE valence_catalog.heads SET trees = '[]'"],
  ] as const)('believes no catalog that has lost %s, and remembers again', async ([, statement]) => {
    const { database, vault } = await backed();
    await database.execute(CHANGE);
    await database.execute(statement);
    expect(told(await next(vault))).toEqual(said('remembered is damaged, so everything is stored anew'));
    await database.execute(CHANGE.replace('0.5', '0.25'));
    expect(told(await next(vault))).toEqual(CHANGES);
  });

  test('believes no damaged catalog in a full scan that was asked for, either', async () => {
    const { database, vault } = await backed();
    await database.execute('DELETE FROM valence_catalog.segments');
    const [done] = await vault.backUp(['main'], { fullScan: true });
    expect(told(done!)).toEqual(said('remembered is damaged'));
    expect(await auditSnapshot(vault.vault, done!.snapshot.manifest.digest)).toEqual({ dropped: [], leaked: [] });
    expect(told(await next(vault))).toEqual(CHANGES);
  });

  test('that is asked for a full scan says that the change log missed nothing', async () => {
    const { database, vault } = await backed();
    await database.execute(CHANGE);
    const [done] = await vault.backUp(['main'], { fullScan: true });
    expect(told(done!)).toEqual(said('the change log had missed nothing'));
  });

  test('that is asked for a full scan commits what the change log missed, and fails naming the tiers', async () => {
    const { database, vault } = await backed();
    await vault.backUp(['other']);
    await database.execute(CHANGE);
    // What no trigger sees: entries taken out past the trigger that watches over them.
    await database.connection((session) =>
      session.execute(
        "SELECT set_config('valence_catalog.trimming', 'on', false); DELETE FROM valence_catalog.changes",
      ),
    );
    const done: BackedUp[] = [];
    const committed = (each: BackedUp): number => done.push(each);
    const error = await rejection(vault.run(['main', 'other'], { fullScan: true, committed }), 'integrity/change-log');
    expect(error.context).toEqual({ tiers: ['main', 'other'] });
    expect(done.map(({ scan }) => scan)).toEqual(['everything', 'everything']);
    expect((await vault.vault.open()).snapshots).toHaveLength(4);
    await database.execute(CHANGE);
    expect(told(await next(vault))).toEqual(CHANGES);
  });

  test('over several tiers tells of those that were committed before it failed', async () => {
    const { vault } = await backed();
    const done: BackedUp[] = [];
    const [backend] = vault.vault.backends;
    const put = backend!.put.bind(backend);
    backend!.put = async (name, ...more) => {
      if (name.startsWith('snapshots/other/')) throw new Error('the disk burns');
      await put(name, ...more);
    };
    const run = vault.run(['main', 'other'], { committed: (each) => done.push(each) });
    await expect(run).rejects.toThrow('the disk burns');
    expect(done.map(({ snapshot }) => snapshot.manifest.header.tier)).toEqual(['main']);
  });
});

function offAndOn(trigger: string): string {
  return `ALTER TABLE valence.beliefs DISABLE TRIGGER ${trigger}; ALTER TABLE valence.beliefs ENABLE ALWAYS TRIGGER ${trigger}`;
}

/** The remembered position with another value of one field. */
function withPosition(field: string, value: string): string {
  const json = /^\d+$/.test(value) && field === 'schemaVersion' ? value : `"${value}"`;
  return `UPDATE valence_catalog.heads SET position = jsonb_set(position::jsonb, '{${field}}', '${json}')::text`;
}
