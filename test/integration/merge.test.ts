import { sql } from 'kysely';
import { expect, test } from 'vitest';
import type { Database } from '../../src/schema/database.ts';
import { rejection } from '../support/expect-code.ts';
import { forEachEngine } from '../support/engines.ts';
import { merge, rowsOf } from '../support/merging.ts';
import type { HeldRows } from '../support/merging.ts';
import { beliefId, digestOf, exported, importLines, SAMPLE } from '../support/sample-knowledge.ts';

const belief = (number: number, more: object = {}): object => ({
  id: beliefId(number),
  content: `belief ${number}`,
  created_at: '2026-01-01T00:00:00Z',
  ...more,
});
const edge = (source: number, target: number, type: string, more: object = {}): object => ({
  source: beliefId(source),
  target: beliefId(target),
  type,
  ...more,
});

async function query<T>(database: Database, text: string): Promise<readonly T[]> {
  return (await sql<T>`${sql.raw(text)}`.execute(database.kysely)).rows;
}

/** `status` and `version` of beliefs by number. */
async function beliefs(database: Database): Promise<Record<number, string>> {
  const rows = await query<{ id: string; status: string; version: number }>(
    database,
    'SELECT id, status, version FROM valence.beliefs ORDER BY id',
  );
  return Object.fromEntries(rows.map(({ id, status, version }) => [Number(id.slice(-12)), `${status} ${version}`]));
}

forEachEngine('merge', ({ openMigrated }) => {
  async function holding(lines: readonly unknown[], options: object = {}): Promise<Database> {
    const database = await openMigrated();
    await importLines(database, lines, options);
    return database;
  }

  async function snapshotOf(...lines: readonly unknown[]): Promise<readonly HeldRows[]> {
    return rowsOf(await holding(lines));
  }

  test('into an empty database gives the same digest, and done again does nothing', async () => {
    const original = await holding(SAMPLE);
    await original.execute(`UPDATE valence.beliefs SET confidence = 0.5 WHERE id = '${beliefId(1)}'`);
    await original.execute(`UPDATE valence.belief_edges SET retired_at = now() WHERE type = 'derives_from'`);
    const rows = await rowsOf(original);
    const target = await openMigrated();
    const { plan, merged } = await merge(target, rows);
    expect(plan).toMatchObject({ conflicts: [], superseded: [], nothingToDo: false });
    expect(merged?.inserted).toEqual({
      beliefs: 9,
      belief_versions: 1,
      sources: 2,
      belief_sources: 3,
      belief_edges: 5,
      models: 2,
      belief_embeddings: 3,
    });
    expect(await digestOf(target)).toBe(await digestOf(original));
    expect(await exported(target, true)).toEqual(await exported(original, true));
    const again = await merge(target, rows);
    expect(again.merged).toMatchObject({ inserted: { beliefs: 0 }, overwritten: { beliefs: 0 }, left: { beliefs: 0 } });
    expect(again.plan).toMatchObject({ conflicts: [], nothingToDo: true });
    expect(again.plan.tables).toMatchObject({
      beliefs: { new: 0, same: 9, conflicting: 0, left: 0 },
      belief_versions: { new: 0, same: 1 },
      belief_embeddings: { new: 0, same: 3 },
    });
  });

  test('brings in what is new beside what is there', async () => {
    const rows = await snapshotOf(belief(1), belief(2), edge(1, 2, 'supports'));
    const target = await holding([belief(2), belief(3), edge(2, 3, 'supports')]);
    const { plan } = await merge(target, rows);
    expect(plan.tables).toMatchObject({
      beliefs: { new: 1, same: 1, conflicting: 0 },
      belief_edges: { new: 1, same: 0 },
    });
    expect(await beliefs(target)).toEqual({ 1: 'active 1', 2: 'active 1', 3: 'active 1' });
  });

  test('does nothing without consent', async () => {
    const target = await holding([belief(2)]);
    const before = await digestOf(target);
    const { plan, merged } = await merge(target, await snapshotOf(belief(1)), { consent: async () => false });
    expect(merged).toBeNull();
    expect(plan.tables.beliefs.new).toBe(1);
    expect(await digestOf(target)).toBe(before);
  });

  test('names conflicts and leaves them, with what belongs to them', async () => {
    const provenance = { source_type: 'book', source_id: 'one' };
    const rows = await snapshotOf(
      belief(1, { content: 'as it was', provenance, embeddings: { small: [1, 2] } }),
      belief(2, { confidence: 0.5, domains: ['a'], embeddings: { small: [1, 2] } }),
      belief(3),
      edge(1, 3, 'supports', { weight: 0.5 }),
    );
    const target = await holding([
      belief(1, { content: 'as it is' }),
      belief(2, { embeddings: { small: [1, 3] } }),
      belief(3),
      edge(1, 3, 'supports', { weight: 0.75 }),
    ]);
    const before = await exported(target, true);
    const { plan, merged } = await merge(target, rows);
    const model = rows.find(({ tree }) => tree.modelId !== undefined)!.tree.modelId!;
    expect(plan.conflicts).toEqual([
      { table: 'beliefs', id: beliefId(1), columns: ['content'], outcome: 'left', reason: null },
      { table: 'beliefs', id: beliefId(2), columns: ['confidence', 'domains'], outcome: 'left', reason: null },
      { table: 'belief_edges', id: expect.any(String), columns: ['weight'], outcome: 'left', reason: null },
      {
        table: 'belief_embeddings',
        id: `${beliefId(2)} ${model}`,
        columns: ['embedding'],
        outcome: 'left',
        reason: null,
      },
    ]);
    expect(plan.tables.belief_sources).toEqual({ new: 0, same: 0, conflicting: 0, left: 1 });
    expect(plan.tables.belief_embeddings).toEqual({ new: 0, same: 0, conflicting: 1, left: 1 });
    // The source itself is new, and no conflict.
    expect(merged?.inserted).toMatchObject({ beliefs: 0, sources: 1, belief_sources: 0, belief_embeddings: 0 });
    expect(merged?.left).toMatchObject({ beliefs: 2, belief_edges: 1, belief_sources: 1, belief_embeddings: 2 });
    expect((await exported(target, true)).filter((line) => !line.startsWith('{"source_type"'))).toEqual(before);
  });

  test('overwrites when told to, keeping what was said before', async () => {
    const provenance = { source_type: 'book', source_id: 'one', metadata: { page: 1 } };
    const rows = await snapshotOf(
      belief(1, { content: 'as it was', provenance, embeddings: { small: [1, 2] } }),
      belief(2, { confidence: 0.5, status: 'archived' }),
      edge(1, 2, 'supports', { weight: 0.5 }),
      { source_type: 'book', source_id: 'one', title: 'A' },
    );
    const target = await holding([
      belief(1, {
        content: 'as it is',
        provenance: { source_type: 'book', source_id: 'one' },
        embeddings: { small: [5, 6] },
      }),
      belief(2),
      edge(1, 2, 'supports', { weight: 0.75 }),
    ]);
    const { plan, merged } = await merge(target, rows, { overwrite: true });
    expect(plan.conflicts.map(({ table, columns, outcome }) => [table, ...columns, outcome].join(' '))).toEqual([
      'beliefs content overwritten',
      'beliefs confidence status overwritten',
      'sources title overwritten',
      'belief_sources metadata overwritten',
      'belief_edges weight overwritten',
      'belief_embeddings embedding overwritten',
    ]);
    expect(merged?.overwritten).toMatchObject({ beliefs: 2, sources: 1, belief_sources: 1, belief_edges: 1 });
    expect(await beliefs(target)).toEqual({ 1: 'active 2', 2: 'archived 2' });
    expect(await query(target, 'SELECT version, content FROM valence.belief_versions ORDER BY content')).toEqual([
      { version: 1, content: 'as it is' },
      { version: 1, content: 'belief 2' },
    ]);
    const again = await merge(target, rows, { overwrite: true });
    expect(again.plan).toMatchObject({ conflicts: [], nothingToDo: true });
  });

  test('knows sources by type and external id, and models by name, whatever their ids', async () => {
    const told = (number: number): object =>
      belief(number, { provenance: { source_type: 'book', source_id: 'one' }, embeddings: { small: [1, number] } });
    const rows = await snapshotOf(told(1), told(2));
    const [source, model] = [beliefId(700), beliefId(800)];
    const target = await holding([
      { source_type: 'book', source_id: 'one', id: source },
      { model: 'small', id: model, dimensions: 2 },
      told(2),
    ]);
    const { plan, merged } = await merge(target, rows);
    expect(plan).toMatchObject({ conflicts: [] });
    expect(merged?.inserted).toMatchObject({
      beliefs: 1,
      sources: 0,
      models: 0,
      belief_sources: 1,
      belief_embeddings: 1,
    });
    expect(await query(target, 'SELECT DISTINCT source_id FROM valence.belief_sources')).toEqual([
      { source_id: source },
    ]);
    expect(await query(target, 'SELECT DISTINCT model_id FROM valence.belief_embeddings')).toEqual([
      { model_id: model },
    ]);
    expect((await merge(target, rows)).plan.nothingToDo).toBe(true);
  });

  test('leaves a model of other dimensions, and a source whose id is another', async () => {
    const provenance = { source_type: 'book', source_id: 'one' };
    const rows = await snapshotOf(belief(1, { provenance, embeddings: { small: [1, 2] } }), belief(2, { provenance }));
    const [taken] = rows.find(({ tree }) => tree.name === 'sources')!.tuples;
    const id = Buffer.from(taken!.subarray(6, 22)).toString('hex');
    const target = await holding([
      belief(3, { embeddings: { small: [1, 2, 3] } }),
      { source_type: 'web', source_id: 'other', id: id.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-') },
      { source_type: 'book', source_id: 'two' },
    ]);
    for (const overwrite of [false, true]) {
      const { plan } = await merge(target, rows, { overwrite, consent: async () => false });
      expect(plan.tables.belief_embeddings).toMatchObject({ new: 0, left: 1 });
      expect(plan.conflicts.find(({ table }) => table === 'models')).toMatchObject({
        columns: ['dimensions'],
        outcome: 'left',
        reason: 'the model small has 3 dimensions here, 2 in the snapshot',
      });
      expect(plan.conflicts.find(({ table }) => table === 'sources')).toMatchObject({
        columns: ['type', 'external_id'],
        outcome: overwrite ? 'overwritten' : 'left',
      });
    }
    // Known by its id, the source is renamed when told to.
    const { merged } = await merge(target, rows, { overwrite: true });
    expect(merged).toMatchObject({ inserted: { beliefs: 2, belief_sources: 2, belief_embeddings: 0 } });
    const again = await merge(target, rows, { overwrite: true });
    expect(again).toMatchObject({
      merged: { left: { models: 1 } },
      plan: { nothingToDo: true, conflicts: [{ table: 'models' }] },
    });
  });

  test('two that wait never become one: an id whose row stands under the key of another stays out', async () => {
    const named = (name: string, number: number): object => ({
      source_type: 'book',
      source_id: name,
      id: beliefId(number),
    });
    const from = (name: string): object => ({ provenance: { source_type: 'book', source_id: name } });
    const rows = await snapshotOf(named('one', 601), named('two', 602), belief(1, from('one')), belief(2, from('two')));
    const target = await holding([named('two', 601)]);
    const { plan, merged } = await merge(target, rows, { overwrite: true });
    expect(plan.conflicts).toMatchObject([
      { table: 'sources', id: beliefId(601), outcome: 'left', reason: 'another source has this id here' },
    ]);
    expect(merged).toMatchObject({
      inserted: { sources: 0, belief_sources: 1 },
      left: { sources: 1, belief_sources: 1 },
    });
    expect(await query(target, 'SELECT belief_id, source_id FROM valence.belief_sources')).toEqual([
      { belief_id: beliefId(2), source_id: beliefId(601) },
    ]);
  });

  test('an edge that is live under another id is a conflict', async () => {
    const rows = await snapshotOf(
      belief(1),
      belief(2),
      edge(1, 2, 'supports', { id: beliefId(901) }),
      edge(1, 2, 'derives_from', { id: beliefId(902), weight: 0.5 }),
    );
    const target = await holding([
      belief(1),
      belief(2),
      edge(1, 2, 'supports', { id: beliefId(911) }),
      edge(1, 2, 'derives_from', { id: beliefId(912) }),
    ]);
    const left = await merge(target, rows);
    expect(left).toMatchObject({
      merged: { left: { belief_edges: 2 } },
      plan: { nothingToDo: true, tables: { belief_edges: { conflicting: 2 } } },
    });
    expect(left.plan.conflicts).toMatchObject([
      { id: beliefId(901), columns: ['id'], outcome: 'left', reason: `it is here under the id ${beliefId(911)}` },
      { id: beliefId(902), columns: ['id', 'weight'], outcome: 'left', reason: null },
    ]);
    expect((await merge(target, rows, { overwrite: true })).merged?.overwritten.belief_edges).toBe(1);
    expect(await query(target, 'SELECT id, weight FROM valence.belief_edges ORDER BY id')).toEqual([
      { id: beliefId(911), weight: 1 },
      { id: beliefId(912), weight: 0.5 },
    ]);
    expect((await merge(target, rows, { overwrite: true })).plan.nothingToDo).toBe(true);
  });

  test('overwriting retires an edge, and makes room for the one that came after it', async () => {
    const rows = await snapshotOf(
      belief(1),
      belief(2),
      edge(1, 2, 'supersedes', { id: beliefId(901), retired_at: '2026-01-02T00:00:00Z' }),
      edge(1, 2, 'supports', { id: beliefId(902), retired_at: '2026-01-02T00:00:00Z' }),
      edge(1, 2, 'supports', { id: beliefId(903) }),
    );
    const target = await holding([
      belief(1),
      belief(2, { status: 'superseded' }),
      edge(1, 2, 'supersedes', { id: beliefId(901) }),
      edge(1, 2, 'supports', { id: beliefId(902) }),
    ]);
    const { plan } = await merge(target, rows);
    // What a live edge here supersedes is not active, whatever the snapshot says: no conflict of its own.
    expect(plan.conflicts.map(({ table, id, columns }) => [table, id.slice(-3), ...columns].join(' '))).toEqual([
      'belief_edges 901 retired_at',
      'belief_edges 902 retired_at',
      'belief_edges 903 id',
    ]);
    const { merged } = await merge(target, rows, { overwrite: true });
    expect(merged).toMatchObject({ overwritten: { beliefs: 1, belief_edges: 2 }, inserted: { belief_edges: 1 } });
    expect(await beliefs(target)).toEqual({ 1: 'active 1', 2: 'active 2' });
    expect((await merge(target, rows, { overwrite: true })).plan).toMatchObject({ conflicts: [], nothingToDo: true });
  });

  test('overwriting revives a retired edge, and its target becomes superseded', async () => {
    const rows = await snapshotOf(belief(1), belief(2), edge(1, 2, 'supersedes', { id: beliefId(901) }));
    const target = await holding([
      belief(1),
      belief(2),
      edge(1, 2, 'supersedes', { id: beliefId(901), retired_at: '2026-01-02T00:00:00Z' }),
    ]);
    expect((await merge(target, rows)).plan.conflicts).toMatchObject([
      { table: 'beliefs', columns: ['status'] },
      { table: 'belief_edges', columns: ['retired_at'] },
    ]);
    const { plan } = await merge(target, rows, { overwrite: true });
    expect(plan).toMatchObject({ superseded: [beliefId(2)] });
    expect(await beliefs(target)).toEqual({ 1: 'active 1', 2: 'superseded 2' });
    expect((await merge(target, rows, { overwrite: true })).plan).toMatchObject({ conflicts: [], nothingToDo: true });
  });

  test('a new supersedes edge makes a belief that is there superseded, which is said', async () => {
    const rows = await snapshotOf(belief(1), belief(2), edge(1, 2, 'supersedes'));
    const target = await holding([belief(2)]);
    const { plan } = await merge(target, rows);
    expect(plan).toMatchObject({ conflicts: [], superseded: [beliefId(2)] });
    expect(await beliefs(target)).toEqual({ 1: 'active 1', 2: 'superseded 2' });
    expect((await merge(target, rows)).plan.nothingToDo).toBe(true);
  });

  test.each([false, true])(
    'edges that would close a circle of supersedes stay out (overwrite: %s)',
    async (overwrite) => {
      const rows = await snapshotOf(
        ...[1, 2, 3, 4].map((number) => belief(number)),
        edge(1, 2, 'supersedes'),
        edge(2, 3, 'supersedes'),
        edge(4, 1, 'supersedes'),
      );
      const target = await holding([...[1, 2, 3].map((number) => belief(number)), edge(3, 1, 'supersedes')]);
      const before = await beliefs(target);
      const { plan, merged } = await merge(target, rows, { overwrite });
      const circle = 'a belief would supersede itself, directly or through others';
      const edges = plan.conflicts.filter(({ table }) => table === 'belief_edges');
      expect(edges).toMatchObject([{ reason: circle }, { reason: circle }]);
      expect(merged?.inserted).toMatchObject({ beliefs: 1, belief_edges: 1 });
      expect(await beliefs(target)).toMatchObject({ 1: before[1], 4: 'active 1' });
      expect((await merge(target, rows, { overwrite })).plan.nothingToDo).toBe(true);
    },
  );

  test('a belief that is there keeps its own history', async () => {
    const original = await holding([belief(1), belief(2)]);
    await original.execute(`UPDATE valence.beliefs SET confidence = 0.5`);
    const rows = await rowsOf(original);
    const target = await holding([belief(1)]);
    const { plan, merged } = await merge(target, rows, { overwrite: true });
    expect(plan.tables.belief_versions).toEqual({ new: 1, same: 0, conflicting: 0, left: 1 });
    expect(merged).toMatchObject({ overwritten: { beliefs: 1 }, inserted: { beliefs: 1, belief_versions: 1 } });
    expect(await beliefs(target)).toEqual({ 1: 'active 2', 2: 'active 2' });
    await target.execute('UPDATE valence.beliefs SET confidence = 0.25');
    expect(await beliefs(target)).toEqual({ 1: 'active 3', 2: 'active 3' });
  });

  test('an abort at any point leaves the database as it was', async () => {
    const rows = await snapshotOf(...SAMPLE);
    const target = await holding([belief(1), belief(90)]);
    const before = await digestOf(target);
    const controller = new AbortController();
    const consent = async (): Promise<boolean> => {
      controller.abort();
      return true;
    };
    const aborted = merge(target, rows, { overwrite: true, consent, signal: controller.signal });
    await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
    const fill = async (): Promise<never> => {
      throw new Error('the vault is gone');
    };
    await expect(merge(target, rows, { fill })).rejects.toThrow('the vault is gone');
    expect(await digestOf(target)).toBe(before);
  });

  test('rows that break a rule are refused whole', async () => {
    const rows = await snapshotOf(belief(1), belief(2), edge(1, 2, 'supports'));
    const target = await openMigrated();
    const before = await digestOf(target);
    const torn = rows.filter(({ tree }) => tree.name !== 'beliefs');
    await rejection(merge(target, torn), 'database/failed');
    expect(await digestOf(target)).toBe(before);
  });
});
