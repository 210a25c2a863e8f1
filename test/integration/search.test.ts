import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import type { Database } from '../../src/schema/database.ts';
import { setBelief } from '../../src/graph/records/beliefs.ts';
import { addEdge, retireEdge } from '../../src/graph/records/edges.ts';
import type { HybridAnswer } from '../../src/graph/search/search.ts';
import { checkText, readTextQuery, TEXT_CHARACTERS_MAX } from '../../src/graph/search/text-query.ts';
import { withinTime } from '../../src/graph/search/time-limit.ts';
import { readVectorQuery } from '../../src/graph/search/vector-query.ts';
import { buildTextIndex } from '../../src/schema/text-index.ts';
import { buildVectorIndex } from '../../src/schema/vector-index.ts';
import { forEachEngine, testEngine } from '../support/engines.ts';
import { beliefId, fixedMoment, importLines } from '../support/sample-knowledge.ts';
import { ask } from '../support/search-base.ts';
import { measureRecall, storeRecallBase } from '../support/vector-recall.ts';

const numbers = ({ hits }: HybridAnswer): number[] => hits.map(({ belief }) => Number(belief.id.slice(-12)));

async function store(database: Database, contents: readonly string[], more: readonly object[] = []): Promise<void> {
  const lines = contents.map((content, index) => ({ id: beliefId(index + 1), content, ...more[index] }));
  await importLines(database, lines);
}

/** The moment of the database at which what is there was recorded and what follows was not. */
async function moment(database: Database): Promise<string> {
  const { rows } = await sql<{ now: string }>`SELECT clock_timestamp() AS now`.execute(database.kysely);
  return rows[0]!.now;
}

const HOSTILE: readonly string[] = [
  `'`,
  `''`,
  `"`,
  `"dog`,
  `dog'); DROP TABLE beliefs; --`,
  `\\`,
  `dog\\'`,
  `!!!`,
  `& | ! ( ) <-> :* dog:*A`,
  `<3> dog <0>`,
  `dog\0dog`,
  '\0',
  '🐕🦴',
  'كلب كبير',
  '\u202edog\u202c',
  '\ud800 dog \udfff',
  '-dog',
  '--dog',
  '- -',
  'or or or',
  'dog or',
  '"big dog" -"small cat" or "x y z"',
  '$1 $2 %s ${x}',
  'a-b-c-d-e/f/g.h?i=j&k',
  `${'-'.repeat(5000)}dog`,
  `${'"'.repeat(5001)}dog`,
  'dog '.repeat(2500),
  Array.from({ length: 1700 }, (_, n) => `w${n}`).join(' '),
  `dog ${'x'.repeat(2000)}`,
];

forEachEngine('searches', ({ openMigrated }) => {
  test('take any text for a question', { timeout: 120_000 }, async () => {
    const database = await openMigrated();
    await store(database, ['a big dog', 'كلب كبير', 'the dog & the cat', '🐕 barks', `it's a dog's life`]);
    for (const indexed of [false, true]) {
      if (indexed) for (const language of ['simple', 'english']) await buildTextIndex(database, language);
      for (const text of HOSTILE) {
        checkText(text);
        for (const language of ['simple', 'english']) {
          const { hits, stopped } = await ask(database, { text, language, explain: true });
          expect(hits.length, JSON.stringify(text)).toBeLessThanOrEqual(5);
          expect(stopped).toBeNull();
        }
      }
      expect(numbers(await ask(database, { text: 'dog\0big' }))).toEqual([1, 3, 5]);
      expect(numbers(await ask(database, { text: 'كبير' }))).toEqual([2]);
      expect(numbers(await ask(database, { text: 'dog -cat -life' }))).toEqual([1]);
      expect(numbers(await ask(database, { text: '"the cat"' }))).toEqual([3]);
    }
    expect(() => checkText('x'.repeat(TEXT_CHARACTERS_MAX + 1))).toThrow('at most 10,000 characters');
    for (const text of ['', '  ', 'the of and', '-dog', '!?'])
      expect(await readTextQuery(database, 'english', text)).toBeNull();
  });

  test('take words as the language has them', async () => {
    const database = await openMigrated();
    await store(database, ['die Häuser am Fluss', 'das Haus brennt', 'houses are burning', 'a house burned']);
    expect(numbers(await ask(database, { text: 'Haus', language: 'german' }))).toEqual([1, 2]);
    expect(numbers(await ask(database, { text: 'house burns', language: 'english' }))).toEqual([4, 3]);
    expect(numbers(await ask(database, { text: 'house', language: 'simple' }))).toEqual([4]);
  });

  test('rank what has all words before what has some, and shorter texts before longer', async () => {
    const database = await openMigrated();
    await store(database, [
      'oak',
      'oak and elm and fir',
      'oak elm',
      'oak with a very long tale of words around it',
      'elm fir',
    ]);
    const answer = await ask(database, { text: 'oak elm', explain: true });
    expect(numbers(answer)).toEqual([3, 2, 1, 5, 4]);
    expect(answer.hits.map(({ explanation }) => explanation?.words)).toEqual([
      ...[['oak', 'elm'], ['oak', 'elm'], ['oak'], ['elm'], ['oak']],
    ]);
    expect(answer.hits[1]).toMatchObject({
      ranks: { text: 2 },
      explanation: { headline: '«oak» and «elm» and fir' },
    });
    expect(answer.hits[0]!.scores.text).toBeGreaterThan(0);
    expect(Object.keys(answer.hits[0]!.ranks)).toEqual(['text']);
  });

  test('find what was recorded then, and vectors of what still says the same', async () => {
    const [database, by] = [await openMigrated(), fixedMoment()];
    await store(
      database,
      ['the moon is cheese', 'the moon is rock', 'the sun is hot'],
      [{ embedding: [1, 0] }, { embedding: [1, 0.1] }, { embedding: [0, 1] }],
    ).catch(() => undefined);
    const lines = [
      { id: beliefId(1), content: 'the moon is cheese', embedding: [1, 0] },
      { id: beliefId(2), content: 'the moon is rock', embedding: [1, 0.1], valid_until: '2030-01-01T00:00:00Z' },
      { id: beliefId(3), content: 'the sun is hot', embedding: [0, 1] },
    ];
    await importLines(database, lines, { model: 'm', ...by });
    await database.execute('ALTER TABLE valence.beliefs DISABLE TRIGGER stamp_belief_version');
    await database.execute(`UPDATE valence.beliefs SET updated_at = '2025-01-01', created_at = '2025-01-01'`);
    await database.execute('ALTER TABLE valence.beliefs ENABLE TRIGGER stamp_belief_version');
    const then = await moment(database);
    await setBelief(database, beliefId(1), { content: 'the moon is dust' });
    await setBelief(database, beliefId(3), { confidence: 0.5 });
    const found = async (text: string, filter: object): Promise<number[]> =>
      numbers(await ask(database, { text, filter }));
    expect(await found('cheese', {})).toEqual([]);
    expect(await found('cheese', { known_at: then })).toEqual([1]);
    expect(await found('dust', { known_at: then })).toEqual([]);
    expect(await found('dust', {})).toEqual([1]);
    expect(await found('moon', { known_at: '2024-12-31T00:00:00Z' })).toEqual([]);
    expect(await found('moon', { as_of: '2031-01-01T00:00:00Z' })).toEqual([1]);
    const was = await ask(database, { text: 'cheese', vector: [1, 0], filter: { known_at: then } });
    expect(was.hits.map(({ belief }) => belief.content)).toEqual([
      ...['the moon is cheese', 'the moon is rock', 'the sun is hot'],
    ]);
    expect(was.hits[0]!.ranks).toEqual({ text: 1 });
    expect(was.hits.map(({ belief }) => belief.confidence)).toEqual([1, 1, 1]);
    expect(was.vector!.matches.map(({ id }) => id)).toEqual([beliefId(2), beliefId(3)]);
  });

  test('add what is near hits, each by the best hit it is nearest to', async () => {
    const [database, by] = [await openMigrated(), fixedMoment()];
    await store(database, ['oak oak', 'oak and something', 'b', 'c', 'd', 'e', 'alone']);
    const link = (source: number, target: number): Promise<{ id: string }> =>
      addEdge(database, { source: beliefId(source), target: beliefId(target), edge_type: 'supports' }, by);
    for (const [source, target] of [
      [1, 3],
      [3, 2],
      [2, 4],
      [5, 4],
      [1, 2],
    ] as const)
      await link(source, target);
    const between = await moment(database);
    await retireEdge(database, (await link(6, 1)).id, { now: () => Date.parse('2100-01-01T00:00:00Z') });
    const near = async (expand: number, filter = {}): Promise<string[]> =>
      (await ask(database, { text: 'oak', expand, filter })).neighbours.map(
        ({ belief, via }) => `${Number(belief.id.slice(-12))} ${via.hops} ${Number(via.hit.slice(-12))}`,
      );
    expect(await near(0)).toEqual([]);
    expect(await near(1)).toEqual(['3 1 1', '4 1 2']);
    expect(await near(2)).toEqual(['3 1 1', '4 1 2', '5 2 2']);
    expect(await near(10)).toEqual(['3 1 1', '4 1 2', '5 2 2']);
    // The edges are of 2026, the last one is retired in 2100.
    expect(between < '2100').toBe(true);
    expect(await near(1, { as_of: '2050-01-01T00:00:00Z' })).toEqual(['3 1 1', '4 1 2']);
    await setBelief(database, beliefId(3), { valid_from: '2060-01-01T00:00:00Z' });
    expect(await near(1, { as_of: '2050-01-01T00:00:00Z' })).toEqual(['4 1 2']);
    expect(await near(1, { as_of: '2070-01-01T00:00:00Z' })).toEqual(['3 1 1', '4 1 2']);
    expect(await near(1, { known_at: '2090-01-01T00:00:00Z' })).toEqual(['3 1 1', '6 1 1', '4 1 2']);
  });

  test('refuse vectors that cannot be compared', async () => {
    const database = await openMigrated();
    const refusal = (model: string | null, values: readonly number[]): Promise<unknown> =>
      readVectorQuery(database, model, values).catch((error: unknown) => error);
    expect(await refusal(null, [1])).toMatchObject({
      code: 'graph/not-found',
      message: 'no belief has an embedding yet',
    });
    await importLines(database, [{ id: beliefId(1), content: 'x', embeddings: { small: [1, 2, 3] } }]);
    await database.kysely
      .insertInto('models')
      .values({ id: beliefId(5), name: 'bare', dimensions: 2 })
      .execute();
    expect(await refusal('smal', [1, 2, 3])).toMatchObject({ code: 'graph/not-found', hint: 'did you mean small?' });
    expect(await refusal(null, [1, 2, 3])).toMatchObject({
      code: 'graph/refused',
      message: 'there are several models: bare, small',
    });
    expect(await refusal('small', [1, 2])).toMatchObject({
      message: 'the vector has 2 numbers, those of small have 3',
    });
    for (const wrong of [NaN, Infinity, 1e300])
      expect(await refusal('small', [1, 2, wrong])).toMatchObject({
        code: 'graph/refused',
        message: /no finite number/,
      });
    for (const zero of [0, -0, 1e-300]) expect(await refusal('small', [0, 0, zero])).toMatchObject({ message: /zero/ });
    expect(await refusal('bare', [1, 2])).toMatchObject({ hint: 'make them with `valence embed --model bare`' });
    expect(await refusal('small', [1, 2, 3])).toMatchObject({ model: { name: 'small' } });
  });

  test.for([2, 2001, 4001])('compare vectors of %i dimensions', async (dimensions) => {
    const database = await openMigrated();
    const vector = (angle: number): number[] =>
      Array.from({ length: dimensions }, (_, index) =>
        index === 0 ? Math.cos(angle) : index === 1 ? Math.sin(angle) : 0,
      );
    const lines = [0.5, 0.1, 3, 0.3].map((angle, index) => ({
      ...{ id: beliefId(index + 1), content: `at ${angle}`, embedding: vector(angle) },
    }));
    await importLines(database, lines, { model: 'm' });
    await buildVectorIndex(database, { id: await modelId(database), name: 'm', dimensions });
    const { hits, vector: list } = await ask(database, { vector: vector(0) });
    expect(hits.map(({ belief }) => belief.content)).toEqual(['at 0.1', 'at 0.3', 'at 0.5', 'at 3']);
    expect(hits[0]!.scores.vector).toBeCloseTo(Math.cos(0.1), 4);
    expect(list).toMatchObject({ exact: true, stopped: null });
    for (const scale of [3e38, 1e-38]) {
      const scaled = await ask(database, { vector: vector(0).map((value) => value * scale) });
      expect(numbers(scaled)).toEqual([2, 4, 1, 3]);
    }
  });

  test('say that more texts match than were ranked', { timeout: 120_000 }, async () => {
    const database = await openMigrated();
    await sql`INSERT INTO beliefs (id, content) SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid,
      'oak ' || CASE WHEN n = 5 THEN 'unicorn ' ELSE '' END || repeat('and more ', n % 7) FROM generate_series(1, 6000) AS n`.execute(
      database.kysely,
    );
    const answers = [];
    for (const indexed of [false, true]) {
      if (indexed) await buildTextIndex(database, 'simple');
      const common = await ask(database, { text: 'oak', limit: 5 });
      expect(common.stopped).toBe('candidates');
      // Of equal rank, by id.
      expect(numbers(common)).toEqual([7, 14, 21, 28, 35]);
      const rare = await ask(database, { text: 'oak unicorn absent', limit: 3 });
      expect(numbers(rare)[0]).toBe(5);
      answers.push([common.hits, rare.hits]);
    }
    expect(answers[1]).toEqual(answers[0]);
  });

  test('end when there is no time, and leave the transaction as it was', async () => {
    const database = await openMigrated();
    await store(database, ['oak']);
    const late = await ask(database, { text: 'oak', deadline: { left: () => 0 } });
    expect(late).toMatchObject({ hits: [], stopped: 'time' });
    await database.transaction({}, async (session) => {
      const settings = { enable_seqscan: 'off' };
      const setting = async (): Promise<unknown> =>
        (
          await sql`SELECT current_setting('enable_seqscan') AS scan, current_setting('statement_timeout') AS time`.execute(
            session.kysely,
          )
        ).rows;
      const before = await setting();
      const during = await withinTime(session, { deadline: { left: () => 5000 }, settings }, setting);
      expect(during).toEqual([{ scan: 'off', time: '5s' }]);
      expect(await withinTime(session, { deadline: { left: () => 1e15 } }, setting)).not.toBeNull();
      expect(await setting()).toEqual(before);
    });
  });
});

describe('searches on a server', () => {
  const { openMigrated } = testEngine('postgres');

  test('are stopped in the middle of a statement', async () => {
    const database = await openMigrated();
    await database.transaction({}, async (session) => {
      const run = (): Promise<unknown> => session.execute('SELECT pg_sleep(60)');
      expect(await withinTime(session, { deadline: { left: () => 20 } }, run)).toBeNull();
      // The transaction goes on.
      expect((await sql`SELECT 1 AS one`.execute(session.kysely)).rows).toEqual([{ one: 1 }]);
    });
  });

  test('by index find what exact comparison finds, through filters', { timeout: 300_000 }, async () => {
    const database = await openMigrated();
    const base = { beliefs: 10_000, dimensions: 16, clusters: 40, seed: 3 };
    await storeRecallBase(database, base);
    const reports = await measureRecall(database, base, { queries: 20, comparedMax: 2000 });
    for (const { filter, recall } of reports) expect(recall, filter).toBeGreaterThanOrEqual(0.95);
    const exact = new Map(reports.map((report) => [report.filter, report.exact]));
    expect([exact.get('100 %'), exact.get('50 %'), exact.get('1 %'), exact.get('0.1 %')]).toEqual([0, 0, 1, 1]);
  });
});

async function modelId(database: Database): Promise<string> {
  return (await database.kysely.selectFrom('models').select('id').executeTakeFirstOrThrow()).id;
}
