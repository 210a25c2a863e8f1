import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { fuseRanks } from '../../src/graph/search/reciprocal-ranks.ts';
import type { SearchFilter } from '../../src/graph/search/search-filter.ts';
import type { Database } from '../../src/schema/database.ts';
import { buildTextIndex } from '../../src/schema/text-index.ts';
import { forEachEngine } from '../support/engines.ts';
import { ask, drawing, randomBase, randomVector, storeBase, WORDS } from '../support/search-base.ts';
import type { Draw, KnownBelief, SearchBase } from '../support/search-base.ts';

const BASES = 3;
const QUERIES = 25;

interface Drawn {
  readonly text: string;
  /** The words of the text, and of those to leave out. */
  readonly words: readonly string[];
  readonly without: readonly string[];
  readonly vector: readonly number[];
  readonly filter: SearchFilter;
}

function drawQuery(draw: Draw, dimensions: number): Drawn {
  const words = [...new Set(Array.from({ length: 1 + draw.below(3) }, () => draw.of(WORDS)))];
  const without = draw.below(3) === 0 ? [draw.of(WORDS)].filter((word) => !words.includes(word)) : [];
  const vector = [1, ...randomVector(draw, dimensions - 1)];
  return {
    text: [...words, ...without.map((word) => `-${word}`)].join(' '),
    words,
    without,
    vector,
    filter: drawFilter(draw),
  };
}

function drawFilter(draw: Draw): SearchFilter {
  const time = (): string => new Date(Date.UTC(2024, 0, 1 + draw.below(200))).toISOString();
  const maybe = <T>(value: () => T): T | undefined => (draw.below(3) === 0 ? value() : undefined);
  return {
    statuses: maybe(() => [draw.of(['active', 'disputed', 'archived', 'superseded'] as const)]),
    domains: maybe(() => [draw.of(['x', 'y', 'z']), draw.of(['x', 'w'])]),
    minConfidence: maybe(() => draw.below(11) / 10),
    since: maybe(time),
    until: maybe(time),
    sources: maybe(() => [
      {
        source_type: draw.of(['web', 'book', 'film']),
        ...(draw.below(2) === 0 && { source_id: String(draw.below(3)) }),
      },
    ]),
    as_of: maybe(time),
  };
}

/** The filter in the words of docs/decisions/0016, over what the test knows. */
function admits(filter: SearchFilter, belief: KnownBelief): boolean {
  const { statuses = ['active', 'disputed'], domains, minConfidence, since, until, sources, as_of: asOf } = filter;
  const from = ({
    source_type: type,
    source_id: id,
  }: {
    source_type: string;
    source_id?: string | undefined;
  }): boolean => belief.source?.type === type && (id === undefined || belief.source.id === id);
  const isValid =
    asOf === undefined ||
    ((belief.valid_from === null || belief.valid_from <= asOf) &&
      (belief.valid_until === null || belief.valid_until > asOf));
  return [
    statuses.some((status) => status === belief.status),
    domains?.some((domain) => belief.domains.includes(domain)) ?? true,
    minConfidence === undefined || belief.confidence >= Math.fround(minConfidence),
    since === undefined || belief.created_at >= since,
    until === undefined || belief.created_at < until,
    sources?.some(from) ?? true,
    isValid,
  ].every(Boolean);
}

/** Ids as full text must list them; ranks of single beliefs come from Postgres. */
async function textOracle(database: Database, base: SearchBase, query: Drawn): Promise<readonly string[]> {
  const said = (belief: KnownBelief): readonly string[] =>
    query.words.filter((word) => belief.content.split(' ').includes(word));
  const unsaid = (belief: KnownBelief): boolean =>
    !query.without.some((word) => belief.content.split(' ').includes(word));
  const matching = base.beliefs.filter(
    (belief) => admits(query.filter, belief) && unsaid(belief) && said(belief).length > 0,
  );
  const not = query.without.map((word) => ` & !${word}`).join('');
  const all = query.words.join(' & ') + not;
  const any = query.words.map((word) => `(${word}${not})`).join(' | ');
  const ranked = [];
  for (const belief of matching) {
    const words = said(belief).length;
    const asked = words === query.words.length ? all : any;
    const { rows } = await sql<{ rank: number }>`
      SELECT ts_rank_cd(to_tsvector('simple', ${belief.content}), ${asked}::tsquery, 1) AS rank`.execute(
      database.kysely,
    );
    ranked.push({ id: belief.id, words, rank: rows[0]!.rank });
  }
  return ranked.toSorted((a, b) => b.words - a.words || b.rank - a.rank || (a.id < b.id ? -1 : 1)).map(({ id }) => id);
}

function vectorOracle(base: SearchBase, { vector, filter }: Drawn): readonly { id: string; similarity: number }[] {
  const length = (values: readonly number[]): number =>
    Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  const dot = (a: readonly number[]): number => a.reduce((sum, value, index) => sum + value * vector[index]!, 0);
  return base.beliefs
    .filter((belief) => belief.vector !== null && length(belief.vector) > 0 && admits(filter, belief))
    .map(({ id, vector: values }) => ({ id, similarity: dot(values!) / (length(values!) * length(vector)) }))
    .toSorted((a, b) => b.similarity - a.similarity || (a.id < b.id ? -1 : 1));
}

forEachEngine('searches of random bases', ({ openMigrated }) => {
  describe.each(Array.from({ length: BASES }, (_, index) => index))('base %i', (number) => {
    test('answer as brute force does, with the text index and without', { timeout: 180_000 }, async () => {
      const draw = drawing(`base ${number}`);
      const base = randomBase(draw);
      const database = await openMigrated();
      await storeBase(database, base);
      const queries = Array.from({ length: QUERIES }, () => drawQuery(draw, base.dimensions));
      const answers: unknown[] = [];
      for (const indexed of [false, true]) {
        if (indexed) await buildTextIndex(database, 'simple');
        for (const [index, query] of queries.entries()) {
          const { text, vector, hits, stopped } = await ask(database, { ...query, limit: 1000 });
          const texts = await textOracle(database, base, query);
          const vectors = vectorOracle(base, query);
          expect(stopped).toBeNull();
          expect(text!.indexed).toBe(indexed);
          expect(
            text!.matches.map(({ id }) => id),
            `text ${query.text} ${JSON.stringify(query.filter)}`,
          ).toEqual(texts);
          expectNearest(vector!.matches, vectors);
          const fused = fuseRanks({ text: texts, vector: vector!.matches.map(({ id }) => id) });
          expect(hits.map(({ belief, score, ranks }) => ({ id: belief.id, score, ranks }))).toEqual(fused);
          if (indexed) expect(hits).toEqual(answers[index]);
          else answers.push(hits);
        }
      }
    });
  });
});

/** Equal but for the order of what is equally near to within what float4 can tell. */
function expectNearest(
  found: readonly { id: string; similarity: number }[],
  expected: readonly { id: string; similarity: number }[],
): void {
  expect(found.map(({ id }) => id).toSorted()).toEqual(expected.map(({ id }) => id).toSorted());
  found.forEach(({ id, similarity }, index) => {
    expect(similarity).toBeCloseTo(expected[index]!.similarity, 5);
    expect(similarity).toBeCloseTo(expected.find((one) => one.id === id)!.similarity, 5);
  });
}
