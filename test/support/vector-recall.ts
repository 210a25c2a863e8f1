import { sql } from 'kysely';
import { systemClock, systemTimer } from '../../src/core/clock.ts';
import type { SearchFilter } from '../../src/graph/search/search-filter.ts';
import { deadlineIn } from '../../src/graph/search/time-limit.ts';
import { vectorList } from '../../src/graph/search/vector-list.ts';
import type { VectorList } from '../../src/graph/search/vector-list.ts';
import type { Database, Session } from '../../src/schema/database.ts';
import { buildVectorIndex } from '../../src/schema/vector-index.ts';
import type { IndexedModel } from '../../src/schema/vector-index.ts';
import { formatVector } from '../../src/schema/vector-text.ts';
import { beliefId } from './sample-knowledge.ts';

/** How well and how fast filtered vector search finds what exact comparison finds. */

export interface RecallBase {
  readonly beliefs: number;
  readonly dimensions: number;
  /** Centres that embeddings lie around, as those of texts do. */
  readonly clusters: number;
  readonly seed: number;
}

export interface RecallReport {
  /** Which beliefs passed: a share of all at random, or the clusters that the query is not near. */
  readonly filter: string;
  readonly queries: number;
  /** Share of the ten nearest by exact comparison that were found. */
  readonly recall: number;
  /** Share of queries that were compared exactly anyway. */
  readonly exact: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
}

/** Shares of all beliefs; each is the name of a domain that a belief has with that chance. */
export const SELECTIVITIES: readonly number[] = [1, 0.5, 0.1, 0.01, 0.001];

const MODEL: IndexedModel = { id: beliefId(999_999), name: 'recall', dimensions: 0 };
const ROWS_AT_ONCE = 500;
const NOISE = 0.6;

/** Fills an empty database, and builds the index. */
export async function storeRecallBase(database: Database, base: RecallBase): Promise<void> {
  const model = { ...MODEL, dimensions: base.dimensions };
  await database.kysely.insertInto('models').values(model).execute();
  const points = new ClusteredPoints(base);
  for (let start = 0; start < base.beliefs; start += ROWS_AT_ONCE) {
    const rows = Array.from({ length: Math.min(ROWS_AT_ONCE, base.beliefs - start) }, (_, index) =>
      points.next(start + index),
    );
    await sql`INSERT INTO beliefs (id, content, domains)
      SELECT id, 'belief ' || id, string_to_array(domains, ' ') FROM unnest(${rows.map(({ id }) => id)}::uuid[],
        ${rows.map(({ domains }) => domains.join(' '))}::text[]) AS given (id, domains)`.execute(database.kysely);
    await sql`INSERT INTO belief_embeddings (belief_id, model_id, embedding)
      SELECT id, ${model.id}::uuid, embedding::vector FROM unnest(${rows.map(({ id }) => id)}::uuid[],
        ${rows.map(({ values }) => formatVector(values))}::text[]) AS given (id, embedding)`.execute(database.kysely);
  }
  await database.execute('ANALYZE valence.beliefs; ANALYZE valence.belief_embeddings');
  await buildVectorIndex(database, model);
}

/** Asks for the ten nearest of points that are not in the base, under each filter, as a search does and exactly. */
export async function measureRecall(
  database: Database,
  base: RecallBase,
  { queries, comparedMax }: { readonly queries: number; readonly comparedMax: number },
): Promise<readonly RecallReport[]> {
  const points = new ClusteredPoints({ ...base, seed: base.seed + 1 }, base.seed);
  const filters: readonly (readonly [name: string, filter: SearchFilter])[] = [
    ...SELECTIVITIES.map((share) => [`${share * 100} %`, { domains: [`s${share}`] }] as const),
    ['other clusters, 40 %', { domains: ['far'] }],
  ];
  const asked = Array.from(
    { length: queries },
    (_, index) => points.next(index, (cluster) => cluster % 5 > 1).values,
  ).map((values) => [...values]);
  const model = { ...MODEL, dimensions: base.dimensions };
  const reports: RecallReport[] = [];
  for (const [name, filter] of filters) {
    const runs = [];
    for (const values of asked) {
      const find = (most: number): Promise<VectorList> =>
        database.transaction({ mode: 'snapshot' }, (session: Session) =>
          vectorList(session, {
            query: { model, values },
            filter,
            limit: 100,
            deadline: deadlineIn(60_000, systemClock),
            comparedMax: most,
          }),
        );
      const start = systemTimer.elapsed();
      const found = await find(comparedMax);
      const ms = systemTimer.elapsed() - start;
      const nearest = (await find(Infinity)).matches.slice(0, 10).map(({ id }) => id);
      const ids = new Set(found.matches.slice(0, 10).map(({ id }) => id));
      runs.push({ ms, exact: found.exact, recall: nearest.filter((id) => ids.has(id)).length / nearest.length });
    }
    const times = runs.map(({ ms }) => ms).toSorted((a, b) => a - b);
    reports.push({
      filter: name,
      queries,
      recall: mean(runs.map(({ recall }) => recall)),
      exact: mean(runs.map(({ exact }) => Number(exact))),
      p50Ms: times[Math.floor(times.length * 0.5)]!,
      p95Ms: times[Math.floor(times.length * 0.95)]!,
    });
  }
  return reports;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

interface Point {
  readonly id: string;
  readonly values: Float32Array;
  readonly domains: readonly string[];
}

/** Normal noise around centres. Centres are those of `centreSeed`, so that queries can be of the same ones. */
class ClusteredPoints {
  readonly #centres: readonly Float32Array[];
  readonly #dimensions: number;
  readonly #random: () => number;

  constructor({ dimensions, clusters, seed }: RecallBase, centreSeed: number = seed) {
    const random = numbers(centreSeed);
    this.#dimensions = dimensions;
    this.#centres = Array.from({ length: clusters }, () => normal(dimensions, random));
    this.#random = numbers(seed + 7);
  }

  next(number: number, wanted: (cluster: number) => boolean = () => true): Point {
    let cluster: number;
    do cluster = Math.floor(this.#random() * this.#centres.length);
    while (!wanted(cluster));
    const noise = normal(this.#dimensions, this.#random);
    const values = this.#centres[cluster]!.map((value, index) => value + NOISE * noise[index]!);
    const domains = SELECTIVITIES.filter((share) => this.#random() < share).map((share) => `s${share}`);
    return { id: beliefId(number), values, domains: [...domains, ...(cluster % 5 > 1 ? [] : ['far'])] };
  }
}

/** mulberry32: millions of numbers in no time. */
function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function normal(length: number, random: () => number): Float32Array {
  return Float32Array.from({ length }, () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()));
}
