import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';
import type { Session } from '../../schema/database.ts';
import { indexedType, missingVectorIndexes } from '../../schema/vector-index.ts';
import type { IndexedModel } from '../../schema/vector-index.ts';
import { formatVector } from '../../schema/vector-text.ts';
import { recordedBeliefs } from '../walk/view.ts';
import { passes } from './search-filter.ts';
import type { SearchFilter } from './search-filter.ts';
import { withinTime } from './time-limit.ts';
import type { Deadline } from './time-limit.ts';
import { comparableValues } from './vector-query.ts';
import type { VectorQuery } from './vector-query.ts';

/** A belief whose embedding is near. Its rank is its place in the list. */
export interface VectorMatch {
  readonly id: string;
  /** Cosine of the angle between the vectors, −1..1. */
  readonly similarity: number;
}

export interface VectorList {
  readonly matches: readonly VectorMatch[];
  /** Whether every embedding that passes the filter was compared; else an index led to those that were. */
  readonly exact: boolean;
  readonly stopped: 'time' | null;
}

export interface VectorAsked {
  readonly query: VectorQuery;
  readonly filter: SearchFilter;
  /** At most so many matches, 1 to 1,000. */
  readonly limit: number;
  readonly deadline: Deadline;
  /** Where no more than so many beliefs pass the filter, their embeddings are compared one by one; by their length when left out. */
  readonly comparedMax?: number | undefined;
}

/**
 * Numbers that are compared one by one in some 120 ms: 62,500 embeddings of 384. An index that is led through a filter takes a
 * third of that where half pass and longer where few do, and misses a tenth of the nearest where they lie far from what is asked.
 */
const COMPARED_NUMBERS_MAX = 24_000_000;
/** Embeddings, however short: to count what passes costs, too. */
const COMPARED_MAX = 62_500;

/** Candidates that an HNSW search keeps: pgvector's bound, and what finds most without taking long (docs/benchmarks.md). */
const EF_SEARCH_MAX = 1000;
const EF_SEARCH_MIN = 800;
/** Embeddings that an iterative search looks at before it gives up; then they are compared exactly. */
const SCAN_TUPLES_MAX = 100_000;

/**
 * The beliefs whose embeddings are nearest by cosine, nearest first, equal ones by id. Embeddings of zeros have no
 * direction and are left out. Where few beliefs pass the filter, or the index cannot find enough that do, all are compared.
 */
export async function vectorList(session: Session, asked: VectorAsked): Promise<VectorList> {
  const { deadline, query, comparedMax = mostCompared(query.model) } = asked;
  if (comparedMax < Infinity && (await canUseIndex(session, query.model))) {
    const few = await withinTime(session, { deadline }, () => passAtMost(session, comparedMax, asked));
    if (few === null) return OUT_OF_TIME;
    if (!few) {
      const settings = indexSettings(asked.limit);
      const found = await withinTime(session, { deadline, settings }, () => read(session, byIndex(asked)));
      if (found === null) return OUT_OF_TIME;
      if (found.length === asked.limit) return { matches: found, exact: false, stopped: null };
    }
  }
  const found = await withinTime(session, { deadline }, () => read(session, exactly(asked)));
  return found === null ? OUT_OF_TIME : { matches: found, exact: true, stopped: null };
}

/** An iterative search finds some near ones late. */
const TAKEN_FACTOR = 2;

const OUT_OF_TIME: VectorList = { matches: [], exact: false, stopped: 'time' };

/** pgvector before 0.8 gives up at a filter instead of looking on. */
async function canUseIndex(session: Session, model: IndexedModel): Promise<boolean> {
  if (indexedType(model.dimensions) === null) return false;
  if ((await missingVectorIndexes(session)).some(({ id }) => id === model.id)) return false;
  const { rows } = await sql<{ version: string }>`
    SELECT extversion AS version FROM pg_catalog.pg_extension WHERE extname = 'vector'`.execute(session.kysely);
  const [major = 0, minor = 0] = (rows[0]?.version ?? '').split('.').map(Number);
  return major > 0 || minor >= 8;
}

function mostCompared({ dimensions }: IndexedModel): number {
  return Math.min(COMPARED_MAX, Math.floor(COMPARED_NUMBERS_MAX / dimensions));
}

async function passAtMost(session: Session, most: number, { filter }: VectorAsked): Promise<boolean> {
  const { rows } = await sql<{ passing: number }>`
    SELECT count(*) AS passing FROM (
      SELECT FROM ${recordedBeliefs(filter)} AS b WHERE ${passes(filter)} LIMIT ${most + 1}) AS counted`.execute(
    session.kysely,
  );
  return (rows[0]?.passing ?? 0) <= most;
}

function indexSettings(limit: number): Readonly<Record<string, string>> {
  return {
    'hnsw.ef_search': String(Math.min(EF_SEARCH_MAX, Math.max(EF_SEARCH_MIN, 2 * limit))),
    'hnsw.iterative_scan': 'relaxed_order',
    'hnsw.max_scan_tuples': String(SCAN_TUPLES_MAX),
    // The plan that is wanted is known: along the index, a look-up for each belief it leads to.
    enable_seqscan: 'off',
    enable_sort: 'off',
    enable_bitmapscan: 'off',
    max_parallel_workers_per_gather: '0',
  };
}

/**
 * SQL: along the index, which gives them nearly in order, for long vectors by float16; more than are wanted, and of them the
 * nearest by the distance itself. The cast and the model as a constant are how the planner knows the partial index.
 */
function byIndex({ query, filter, limit }: VectorAsked): RawBuilder<MatchRow> {
  const { id, dimensions } = query.model;
  const type = sql.raw(indexedType(dimensions)!.type);
  const vector = formatVector(comparableValues(query));
  return sql<MatchRow>`
    WITH near AS MATERIALIZED (
      SELECT e.belief_id AS id, e.embedding FROM valence.belief_embeddings e
      CROSS JOIN LATERAL (SELECT FROM ${comparable(filter)} AND b.id = e.belief_id OFFSET 0) AS belief
      WHERE e.model_id = ${sql.lit(id)} ORDER BY e.embedding::${type} <=> ${vector}::${type} LIMIT ${TAKEN_FACTOR * limit})
    SELECT id, embedding <=> ${vector}::vector AS distance FROM near ORDER BY distance, id LIMIT ${limit}`;
}

/** SQL: of every embedding whose belief passes. `OFFSET 0` keeps distances from being computed before that, and twice. */
function exactly({ query, filter, limit }: VectorAsked): RawBuilder<MatchRow> {
  return sql<MatchRow>`
    SELECT id, distance FROM (
      SELECT e.belief_id AS id, e.embedding <=> ${formatVector(comparableValues(query))}::vector AS distance
      FROM valence.belief_embeddings e JOIN (SELECT b.id FROM ${comparable(filter)}) AS belief ON belief.id = e.belief_id
      WHERE e.model_id = ${query.model.id}::uuid OFFSET 0) AS compared
    WHERE distance < 'NaN' ORDER BY distance, id LIMIT ${limit}`;
}

/**
 * SQL, after FROM: the beliefs that pass and are what their embeddings were made of: an embedding is of the present content,
 * so it says nothing of what a belief said before, if that was something else.
 */
function comparable(filter: SearchFilter): RawBuilder<unknown> {
  const now =
    filter.known_at === undefined
      ? sql``
      : sql`JOIN valence.beliefs present ON present.id = b.id AND present.content = b.content`;
  return sql`${recordedBeliefs(filter)} AS b ${now} WHERE ${passes(filter)}`;
}

interface MatchRow {
  readonly id: string;
  readonly distance: number;
}

async function read(session: Session, query: RawBuilder<MatchRow>): Promise<readonly VectorMatch[]> {
  const { rows } = await query.execute(session.kysely);
  return rows.map(({ id, distance }) => ({ id, similarity: 1 - distance }));
}
