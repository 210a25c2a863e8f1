import { expect, test } from 'vitest';
import { checkGraph } from '../../src/graph/reasoning/check/check.ts';
import type { GraphFinding } from '../../src/graph/reasoning/check/finding.ts';
import type { Database } from '../../src/schema/database.ts';
import { forEachEngine } from '../support/engines.ts';
import { beliefId, fixedMoment, importLines, SAMPLE } from '../support/sample-knowledge.ts';

const { clock } = fixedMoment();

const beliefs = (count: number, more: object = {}): object[] =>
  Array.from({ length: count }, (_, at) => ({ id: beliefId(at), content: `belief ${at}`, ...more }));
const edge = (id: number, source: number, target: number, more: object = {}): object => ({
  ...{ id: beliefId(id), source: beliefId(source), target: beliefId(target), type: 'supports', ...more },
});

async function check(database: Database): Promise<readonly GraphFinding[]> {
  return database.transaction({ mode: 'snapshot' }, (session) => checkGraph(session, { clock }));
}

/** Codes with their counts and examples. */
async function found(database: Database): Promise<Record<string, readonly [number, readonly string[]]>> {
  const list = await check(database);
  return Object.fromEntries(list.map(({ code, count, examples }) => [code, [count, examples]]));
}

/** Changes what the constraints of the schema would refuse, as somebody can who owns the tables. */
async function unchecked(database: Database, statement: string): Promise<void> {
  await database.execute(`
    DO $$ DECLARE c record; BEGIN
      FOR c IN SELECT conrelid::regclass::text AS of, conname FROM pg_constraint
               WHERE connamespace = 'valence'::regnamespace AND contype IN ('c', 'f') LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.of, c.conname);
      END LOOP;
    END $$;
    DROP INDEX IF EXISTS valence.belief_edges_live;
    SET session_replication_role = replica;
    ${statement};
    SET session_replication_role = DEFAULT`);
}

forEachEngine('graph check', ({ openMigrated }) => {
  test('finds nothing wrong in a sound base, and what is worth a look', async () => {
    const database = await openMigrated();
    expect(await check(database)).toEqual([]);
    await importLines(database, SAMPLE);
    const findings = await check(database);
    expect(findings.every(({ severity }) => severity === 'notice')).toBe(true);
    expect(findings.map(({ code }) => code)).toEqual(['edge-at-archived', 'isolated']);
    expect(findings[1]).toMatchObject({ count: 2, examples: [beliefId(7), beliefId(8)] });
  });

  test('notices', async () => {
    const database = await openMigrated();
    const year = (number: number): string => `${number}-01-01T00:00:00Z`;
    await importLines(database, [
      ...beliefs(3),
      { id: beliefId(3), content: 'until 2020', valid_until: year(2020) },
      { id: beliefId(4), content: 'from 2020', valid_from: year(2020) },
      { id: beliefId(5), content: 'from 2030', valid_from: year(2030) },
      { id: beliefId(6), content: 'by retired sources', provenance: { source_type: 'x', source_id: '1' } },
      {
        id: beliefId(7),
        content: 'by another too',
        provenance: [
          { source_type: 'x', source_id: '1' },
          { source_type: 'x', source_id: '2' },
        ],
      },
      { id: beliefId(8), content: 'of version 3', version: 3 },
      edge(100, 0, 1, { weight: 0 }),
      edge(101, 3, 4),
      // Where one ends the next one begins: that is how beliefs are superseded.
      edge(102, 4, 3, { type: 'supersedes' }),
      edge(103, 2, 4, { valid_until: year(2019) }),
      edge(104, 5, 0, { type: 'supersedes' }),
      edge(105, 2, 1, { type: 'supersedes', valid_from: year(2029) }),
      edge(106, 3, 2, { type: 'supersedes', valid_from: year(2020), retired_at: year(2021) }),
      ...[edge(107, 6, 7), edge(108, 8, 7)],
    ]);
    await database.execute(`UPDATE valence.sources SET retired_at = now() WHERE external_id = '1'`);
    expect(await found(database)).toEqual({
      'version-gap': [1, [beliefId(8)]],
      'never-valid': [2, [beliefId(101), beliefId(103)]],
      'sources-retired': [1, [beliefId(6)]],
      'weight-zero': [1, [beliefId(100)]],
      'supersedes-later': [2, [beliefId(104), beliefId(105)]],
    });
  });

  test('gives ten examples of many', async () => {
    const database = await openMigrated();
    await importLines(database, beliefs(25));
    expect(await found(database)).toEqual({ isolated: [25, Array.from({ length: 10 }, (_, at) => beliefId(at))] });
  });

  test('errors of a base that was edited without its constraints', async () => {
    const database = await openMigrated();
    await importLines(
      database,
      [
        ...beliefs(8, { embedding: [1, 2, 3], provenance: { source_type: 'x', source_id: '1' } }),
        ...[edge(100, 0, 1), edge(101, 1, 2, { type: 'supersedes' }), edge(102, 2, 3, { type: 'supersedes' })],
        ...[edge(103, 3, 4, { type: 'supersedes' }), edge(104, 5, 6), edge(105, 6, 7, { type: 'contradicts' })],
      ],
      { model: 'tiny' },
    );
    expect(await check(database)).toEqual([]);
    const id = (number: number): string => `'${beliefId(number)}'`;
    await unchecked(
      database,
      `INSERT INTO valence.belief_edges (id, source_id, target_id, type) VALUES
         (${id(200)}, ${id(0)}, ${id(999)}, 'supports'), (${id(201)}, ${id(5)}, ${id(5)}, 'supports'),
         (${id(202)}, ${id(7)}, ${id(6)}, 'contradicts'), (${id(203)}, ${id(0)}, ${id(1)}, 'supports'),
         (${id(204)}, ${id(3)}, ${id(2)}, 'supersedes');
       UPDATE valence.belief_edges SET weight = 'NaN' WHERE id = ${id(104)};
       UPDATE valence.belief_edges SET weight = 1.5 WHERE id = ${id(100)};
       UPDATE valence.beliefs SET confidence = 'NaN' WHERE id = ${id(6)};
       UPDATE valence.beliefs SET status = 'active' WHERE id = ${id(4)};
       INSERT INTO valence.belief_versions SELECT id, 1, content, confidence, dimensions, domains, status, valid_from,
         valid_until, metadata, updated_at, updated_at FROM valence.beliefs WHERE id = ${id(5)};
       INSERT INTO valence.belief_versions SELECT ${id(998)}, 1, content, confidence, dimensions, domains, status, valid_from,
         valid_until, metadata, updated_at, updated_at FROM valence.beliefs WHERE id = ${id(5)};
       UPDATE valence.belief_embeddings SET embedding = '[1,2]' WHERE belief_id = ${id(7)};
       UPDATE valence.belief_embeddings SET belief_id = ${id(997)} WHERE belief_id = ${id(1)};
       UPDATE valence.belief_sources SET belief_id = ${id(996)} WHERE belief_id = ${id(1)};
       UPDATE valence.belief_sources SET source_id = ${id(995)} WHERE belief_id = ${id(2)}`,
    );
    const findings = await check(database);
    const errors = findings.filter(({ severity }) => severity === 'error');
    expect(findings.slice(0, errors.length)).toEqual(errors);
    expect(Object.fromEntries(errors.map(({ code, count, examples }) => [code, [count, examples]]))).toEqual({
      'edge-without-end': [1, [beliefId(200)]],
      'self-edge': [1, [beliefId(201)]],
      'contradicts-order': [1, [beliefId(202)]],
      'duplicate-edge': [1, [beliefId(203)]],
      'weight-range': [2, [beliefId(100), beliefId(104)]],
      'confidence-range': [1, [beliefId(6)]],
      'active-superseded': [1, [beliefId(4)]],
      'version-not-older': [1, [beliefId(5)]],
      'version-without-belief': [1, [beliefId(998)]],
      'embedding-length': [1, [beliefId(7)]],
      'embedding-without-belief': [1, [beliefId(997)]],
      'source-missing': [1, [beliefId(995)]],
      'source-of-no-belief': [1, [beliefId(996)]],
      'supersedes-circle': [2, [beliefId(102), beliefId(204)]],
    });
    expect(findings.every(({ what, todo }) => what !== '' && todo !== '')).toBe(true);
  });
});
