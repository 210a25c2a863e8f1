import { sql } from 'kysely';
import { systemClock } from '../../src/core/clock.ts';
import { hybridSearch } from '../../src/graph/search/search.ts';
import type { HybridAnswer, HybridQuery } from '../../src/graph/search/search.ts';
import { readTextQuery } from '../../src/graph/search/text-query.ts';
import { deadlineIn } from '../../src/graph/search/time-limit.ts';
import { readVectorQuery } from '../../src/graph/search/vector-query.ts';
import type { Database } from '../../src/schema/database.ts';
import { formatVector } from '../../src/schema/vector-text.ts';
import { beliefId } from './sample-knowledge.ts';
import { seededRandom } from './seeded-random.ts';

/** A random base to search, and what is known of it without asking the database. */
export interface SearchBase {
  readonly beliefs: readonly KnownBelief[];
  readonly edges: readonly { readonly id: string; readonly source: string; readonly target: string }[];
  readonly model: string;
  readonly dimensions: number;
}

export interface KnownBelief {
  readonly id: string;
  readonly content: string;
  readonly confidence: number;
  readonly status: string;
  readonly domains: readonly string[];
  readonly valid_from: string | null;
  readonly valid_until: string | null;
  readonly created_at: string;
  readonly source: { readonly type: string; readonly id: string } | null;
  readonly vector: readonly number[] | null;
}

/** A handful of words, so that they meet often. Lower case, and each its own stem in the configuration `simple`. */
export const WORDS: readonly string[] = [
  'ash',
  'birch',
  'cedar',
  'elm',
  'fir',
  'holly',
  'larch',
  'maple',
  'oak',
  'pine',
];
const STATUSES = ['active', 'active', 'active', 'disputed', 'archived', 'superseded'];
const MODEL = 'compass';

export interface Draw {
  /** A whole number from 0 to below. */
  below(limit: number): number;
  of<T>(values: readonly T[]): T;
}

export function drawing(name: string): Draw {
  const random = seededRandom(name);
  const below = (limit: number): number => random.bytes(4).reduce((number, byte) => number * 256 + byte, 0) % limit;
  return { below, of: (values) => values[below(values.length)]! };
}

const day = (number: number): string => new Date(Date.UTC(2024, 0, 1 + number)).toISOString();

export function randomBase(draw: Draw): SearchBase {
  const [size, dimensions] = [60, 4];
  const beliefs = Array.from({ length: size }, (_, index): KnownBelief => {
    const from = draw.below(3) === 0 ? draw.below(100) : null;
    return {
      id: beliefId(index),
      content: Array.from({ length: 1 + draw.below(8) }, () => draw.of(WORDS)).join(' '),
      confidence: Math.fround(draw.below(11) / 10),
      status: draw.of(STATUSES),
      domains: ['x', 'y', 'z'].filter(() => draw.below(3) === 0),
      valid_from: from === null ? null : day(from),
      valid_until: draw.below(3) === 0 ? day((from ?? 0) + 1 + draw.below(100)) : null,
      created_at: day(draw.below(200)),
      source: draw.below(2) === 0 ? { type: draw.of(['web', 'book']), id: String(draw.below(3)) } : null,
      vector: draw.below(5) === 0 ? null : randomVector(draw, dimensions),
    };
  });
  const edges = Array.from({ length: size }, (_, index) => ({
    id: beliefId(100_000 + index),
    source: beliefId(index),
    target: beliefId((index + 1 + draw.below(size - 1)) % size),
  }));
  return { beliefs, edges, model: MODEL, dimensions };
}

/** Of small whole numbers, so that there are equal distances. Now and then of zeros only. */
export function randomVector(draw: Draw, dimensions: number): readonly number[] {
  return Array.from({ length: dimensions }, () => draw.below(5) - 2);
}

export async function storeBase(database: Database, { beliefs, edges, model, dimensions }: SearchBase): Promise<void> {
  const modelId = beliefId(999_999);
  await database.kysely.insertInto('models').values({ id: modelId, name: model, dimensions }).execute();
  for (const { source, vector, ...belief } of beliefs) {
    await database.kysely
      .insertInto('beliefs')
      .values({ ...belief, status: sql`${belief.status}`, updated_at: belief.created_at })
      .execute();
    if (vector !== null)
      await database.kysely
        .insertInto('belief_embeddings')
        .values({ belief_id: belief.id, model_id: modelId, embedding: formatVector(vector) })
        .execute();
    if (source === null) continue;
    await sql`INSERT INTO sources (id, type, external_id) VALUES (gen_random_uuid(), ${source.type}, ${source.id})
      ON CONFLICT DO NOTHING`.execute(database.kysely);
    await sql`INSERT INTO belief_sources (belief_id, source_id, created_at)
      SELECT ${belief.id}::uuid, id, ${belief.created_at}::timestamptz FROM sources
      WHERE type = ${source.type} AND external_id = ${source.id}`.execute(database.kysely);
  }
  for (const { id, source, target } of edges)
    await database.kysely
      .insertInto('belief_edges')
      .values({ id, source_id: source, target_id: target, type: 'supports', created_at: day(0) })
      .execute();
}

/** What a test asks for; the rest is as a search has it by default. */
export type Asking = Partial<Omit<HybridQuery, 'text' | 'vector'>> & {
  readonly text?: string | undefined;
  readonly language?: string | undefined;
  readonly vector?: readonly number[] | undefined;
  readonly model?: string | undefined;
};

/** A search in one snapshot, in the configuration `simple`. */
export async function ask(database: Database, asking: Asking): Promise<HybridAnswer> {
  const { text, vector, language = 'simple', model = null, ...rest } = asking;
  return database.transaction({ mode: 'snapshot' }, async (session) =>
    hybridSearch(session, {
      filter: {},
      limit: 10,
      expand: 0,
      explain: false,
      deadline: deadlineIn(60_000, systemClock),
      ...rest,
      text: text === undefined ? null : await readTextQuery(session, language, text),
      vector: vector === undefined ? null : await readVectorQuery(session, model, vector),
    }),
  );
}
