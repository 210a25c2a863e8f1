import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { DatabaseCatalog } from '../../src/catalog/database-catalog.ts';
import { toHex } from '../../src/core/bytes.ts';
import type { TreePosition } from '../../src/core/ports.ts';
import { readChangeLog } from '../../src/schema/change-log.ts';
import type { Database, Session } from '../../src/schema/database.ts';
import { migrate } from '../../src/schema/migrator.ts';
import { readMigrations } from '../../src/schema/migrations.ts';
import { describeCatalogContract } from '../contract/catalog-contract.ts';
import type { OpenedCatalog } from '../contract/opened-catalog.ts';
import { everything, plain, plainPositions } from '../contract/opened-catalog.ts';
import {
  BELIEFS,
  bytesOf,
  commitOnTop,
  EDGES,
  keyOf,
  numberOf,
  positionAt,
  recordOf,
  rootOf,
  segmentOf,
  wholeCommit,
} from '../support/catalog-fixture.ts';
import type { Change } from '../support/catalog-fixture.ts';
import { forEachEngine } from '../support/engines.ts';
import { expectRefused, rejection } from '../support/expect-code.ts';
import { addBeliefs } from '../support/substrate-rows.ts';

const VAULT = '5a0e0001-0000-4000-8000-00000000000a';
const OTHER_VAULT = '5a0e0001-0000-4000-8000-00000000000b';
const CLOCK = { now: (): number => Date.UTC(2026, 0, 2) };

function catalogOf(database: Database, vaultId: string = VAULT): OpenedCatalog & { readonly catalog: DatabaseCatalog } {
  const catalog = new DatabaseCatalog(database, vaultId, CLOCK);
  return {
    catalog,
    stored: (read) => database.transaction({ mode: 'snapshot' }, (session) => read(catalog.storedTrees(session))),
  };
}

forEachEngine('the catalog', ({ engine, open, openMigrated }) => {
  describeCatalogContract('the catalog in a database', async () => catalogOf(await openMigrated()));

  test('keeps the heads of before it had trees', async () => {
    const database = await open();
    await migrate(database, (await readMigrations()).slice(0, 2));
    const [digest, root] = ['digest 7', 'content root 7'].map((text) => toHex(bytesOf(text)));
    await database.execute(`
      INSERT INTO valence_catalog.heads VALUES ('${VAULT}', 'main', 7, '\\x${digest}', '\\x${root}', '2026-01-01');
      INSERT INTO valence_catalog.chunks VALUES ('${VAULT}', 'main', '\\x${digest}', '\\x${digest}', '\\x${root}')`);
    await migrate(database);
    const opened = catalogOf(database);
    expect(plain(await opened.catalog.record('main'))).toEqual(plain(recordOf(7, { position: null })));
    expect(await everything(opened, 'main')).toEqual([]);
    await commitOnTop(opened.catalog, 'main', wholeCommit(8, [positionAt({ last: 1 })]));
    expect((await opened.catalog.record('main'))?.sequence).toBe(8);
  });

  test('keeps two vaults apart', async () => {
    const database = await openMigrated();
    const [one, other] = [catalogOf(database), catalogOf(database, OTHER_VAULT)];
    const [first, second] = [[1, 5].map((last) => positionAt({ last })), [2, 5].map((last) => positionAt({ last }))];
    await commitOnTop(one.catalog, 'main', {
      ...recordOf(1, { segments: [segmentOf('a', 1)] }),
      removed: 'all',
      added: first,
    });
    await commitOnTop(other.catalog, 'main', { ...wholeCommit(2, second), segments: [segmentOf('a', 2)] });
    const removed = [{ tree: BELIEFS, level: 0, after: null, upTo: null }];
    await commitOnTop(one.catalog, 'main', { ...recordOf(3, { segments: [segmentOf('b', 1)] }), removed, added: [] });
    expect(await everything(one, 'main')).toEqual([]);
    expect(await everything(other, 'main')).toEqual(plainPositions(second));
    expect((await other.catalog.record('main'))?.segments.map(plain)).toEqual([plain(segmentOf('a', 2))]);
    expect(await other.stored((trees) => trees.uses('main', [second[1]!]))).toEqual([1]);
    expect((await one.catalog.heads()).map(({ sequence }) => sequence)).toEqual([3]);
    await one.catalog.forget('main');
    expect((await other.catalog.record('main'))?.sequence).toBe(2);
  });

  test('refuses what a tree cannot be', async () => {
    const { catalog } = catalogOf(await openMigrated());
    const known = positionAt({ last: 1 });
    const commit = (...added: TreePosition[]): Promise<void> =>
      commitOnTop(catalog, 'main', { ...recordOf(1), removed: 'all', added });
    await rejection(commit({ ...known, tree: { name: 'nowhere' } }), 'format/malformed');
    await expectRefused(commit({ ...known, name: known.name.subarray(1) }), '23514');
    await expectRefused(commit(known, { ...known, name: known.key }), '23505');
    expect(await catalog.record('main')).toBeNull();
  });

  test('says what is wrong with a record that it did not write', async () => {
    const database = await openMigrated();
    const { catalog } = catalogOf(database);
    const record = recordOf(1, { trees: [rootOf(BELIEFS, 1)], segments: [segmentOf('a', 1)] });
    const damages = [
      [`UPDATE valence_catalog.heads SET trees = '[7]'`, 'format/malformed'],
      [`UPDATE valence_catalog.heads SET trees = jsonb_set(trees, '{0,key}', '"ab"')`, 'format/malformed'],
      [`UPDATE valence_catalog.heads SET trees = jsonb_set(trees, '{0,code}', '99')`, 'format/newer'],
      [`UPDATE valence_catalog.segments SET stripes = '\\x00'`, 'format/malformed'],
    ] as const;
    for (const [damage, code] of damages) {
      await commitOnTop(catalog, 'main', { ...record, removed: 'all', added: [] });
      await database.execute(damage);
      await rejection(catalog.record('main'), code);
    }
  });

  test('reads and replaces many positions, each look-up along an index', async () => {
    const database = await openMigrated();
    const { catalog, stored } = catalogOf(database);
    const count = 45_000;
    await commitOnTop(catalog, 'main', wholeCommit(1, [...manyPositions(count)]));
    await stored(async (trees) => {
      let [found, sum] = [0, 0];
      for await (const { lastKey } of trees.all('main', EDGES)) [found, sum] = [found + 1, sum + numberOf(lastKey)];
      expect([found, sum]).toEqual([count, (count * (count - 1)) / 2]);
    });
    let last = -1;
    for await (const { lastKey } of catalog.positions('main')) {
      if (numberOf(lastKey) !== last + 1) throw new Error(`${numberOf(lastKey)} follows ${last}`);
      last += 1;
    }
    expect(last).toBe(count - 1);
    const keys = Array.from({ length: 300 }, (_, i) => keyOf(150 * i, EDGES));
    const unknown = keys.map((key) => ({ contentId: key, name: key }));
    const between = keys.map((after) => ({ after, upTo: keyOf(numberOf(after) + 2, EDGES) }));
    await database.transaction({ mode: 'snapshot' }, async (session) => {
      const trees = catalog.storedTrees(session);
      const before = await readsOf(session);
      expect(await trees.owners('main', EDGES, 0, keys)).toHaveLength(300);
      expect((await trees.next('main', EDGES, 0, keys[0]!))?.isLast).toBe(false);
      expect(await trees.within('main', EDGES, 0, between)).toHaveLength(600);
      expect(await trees.uses('main', unknown)).toEqual(unknown.map(() => 0));
      const after = await readsOf(session);
      expect(after.scans).toBe(before.scans);
      // Of an owner its own key and those beside it, of a range its two leaves.
      expect(after.rowsRead - before.rowsRead).toBeLessThan(300 * 6 + 10);
    });
    const removed = between.map((range) => ({ ...range, tree: EDGES, level: 0 }));
    const added = [...manyPositions(3)].map((position) => ({ ...position, level: 1 }));
    await commitOnTop(catalog, 'main', { ...recordOf(2), removed, added });
    const left = await stored((trees) => trees.within('main', EDGES, 0, [{ after: null, upTo: null }]));
    expect(left).toHaveLength(count - 600);
    await commitOnTop(catalog, 'main', wholeCommit(3, [...manyPositions(2)]));
    expect(await stored((trees) => Array.fromAsync(trees.all('main', EDGES)))).toHaveLength(2);
  });

  test('a commit forgets the changes that no tier needs any more', async () => {
    const database = await openMigrated();
    const [one, other] = [catalogOf(database), catalogOf(database, OTHER_VAULT)];
    const early = await positionNow(database);
    await addBeliefs(database, 3);
    expect(await loggedChanges(database)).toBeGreaterThan(0);
    await commitOnTop(one.catalog, 'slow', recordedAt(early));
    await commitOnTop(other.catalog, 'fast', recordedAt(await positionNow(database)));
    expect(await loggedChanges(database)).toBeGreaterThan(0);
    await one.catalog.forget('slow');
    expect(await loggedChanges(database)).toBe(0);
  });

  test('a tier that fills the change log loses its position', async () => {
    const database = await openMigrated();
    const [one, other] = [catalogOf(database), catalogOf(database, OTHER_VAULT)];
    const early = await positionNow(database);
    await commitOnTop(one.catalog, 'slow', recordedAt(early));
    await commitOnTop(one.catalog, 'slow too', recordedAt(early));
    await addBeliefs(database, 3);
    await database.execute('UPDATE valence_catalog.change_log SET limit_bytes = 10');
    const late = await positionNow(database);
    await commitOnTop(other.catalog, 'fast', recordedAt(late));
    expect((await one.catalog.record('slow'))?.position).toBeNull();
    expect((await one.catalog.record('slow too'))?.position).toBeNull();
    expect((await other.catalog.record('fast'))?.position).toBe(late);
    expect(await loggedChanges(database)).toBe(0);
  });

  test('a projection keeps the changes it lacks, until they fill the change log', async () => {
    const database = await openMigrated();
    const { catalog } = catalogOf(database);
    await sql`
      INSERT INTO valence_catalog.projections (name, namespace, layout, position, updated_at, beliefs, edges)
      VALUES ('graph', 1, 1, ${await positionNow(database)}, now(), 0, 0)`.execute(database.kysely);
    await addBeliefs(database, 3);
    await commitOnTop(catalog, 'main', recordedAt(await positionNow(database)));
    expect(await loggedChanges(database)).toBeGreaterThan(0);
    await database.execute('UPDATE valence_catalog.change_log SET limit_bytes = 10');
    await commitOnTop(catalog, 'main', recordedAt(await positionNow(database)));
    const rows = await database.kysely.selectFrom('valence_catalog.projections').select('position').execute();
    expect(rows).toEqual([{ position: null }]);
    expect(await loggedChanges(database)).toBe(0);
  });

  test('lets one writer at a time in', async () => {
    const database = await openMigrated();
    const [first, second] = [catalogOf(database), catalogOf(database)];
    await first.catalog.exclusively(async () => {
      if (engine === 'pglite') return;
      await rejection(
        second.catalog.exclusively(async () => {}),
        'backend/second-writer',
      );
      await catalogOf(database, OTHER_VAULT).catalog.exclusively(async () => {});
      await commitOnTop(second.catalog, 'main', wholeCommit(1, []));
    });
    expect(await second.catalog.exclusively(async () => 'in')).toBe('in');
  });
});

async function positionNow(database: Database): Promise<string> {
  const log = await database.transaction({ mode: 'snapshot' }, (session) => readChangeLog(session, 4));
  return log.position!;
}

function recordedAt(position: string): Change {
  return { ...recordOf(1, { position }), removed: [], added: [] };
}

async function loggedChanges(database: Database): Promise<number> {
  const { rows } = await sql<{ count: number }>`SELECT count(*) FROM valence_catalog.changes`.execute(database.kysely);
  return rows[0]!.count;
}

/** Leaves of one tree, with content ids in another order than their keys. */
function* manyPositions(count: number): Generator<TreePosition> {
  const base = positionAt({ tree: EDGES, last: 0 });
  for (let n = 0; n < count; n += 1) {
    const contentId = Buffer.alloc(32);
    contentId.writeUInt32BE((n * 2_654_435_761) % 2 ** 32);
    yield { ...base, lastKey: keyOf(n, EDGES), contentId };
  }
}

/**
 * How often the table of positions was read whole, and how many of its rows by an index: in this transaction and in
 * earlier ones of the connection that the server has not counted yet.
 */
async function readsOf(session: Session): Promise<{ readonly scans: number; readonly rowsRead: number }> {
  const { rows } = await sql<{ scans: number; rowsRead: number }>`
    SELECT seq_scan AS scans, idx_tup_fetch AS "rowsRead"
    FROM pg_stat_xact_user_tables WHERE relid = 'valence_catalog.chunks'::regclass
  `.execute(session.kysely);
  return rows[0]!;
}
