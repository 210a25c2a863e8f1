import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { Valence, fileInput as FileInput, openValence as OpenValence } from '../src/index.ts';
import { createTestDatabase, onServer } from '../test/support/postgres.ts';
import { print, round3 } from './figures.ts';
import { fillSocialGraph, importWordNet, PERSONS } from './graph-bases.ts';
import { openAge, openRecursiveQuery } from './graph-rivals.ts';
import type { GraphRival } from './graph-rivals.ts';
import { latencyOf, timesSlower } from './latency.ts';
import type { Latency } from './latency.ts';
import { rowsOf } from './rows.ts';
import { measureSearch } from './search.ts';

/**
 * Queries over a graph in a process that keeps the library open, as a daemon or an agent does: single calls, from the call
 * to its records, one after another. Pairs and beliefs are drawn by a seeded hash.
 */

/** How much is asked: for figures, or to see that all of it runs. */
interface Effort {
  /** Calls of each kind for each round. */
  readonly calls: number;
  /** Of rivals, which take seconds a call. */
  readonly rivalCalls: number;
  /** A rival's call that takes longer is given up. */
  readonly patienceMs: number;
}

const FOR_FIGURES: Effort = { calls: 100, rivalCalls: 6, patienceMs: 3000 };
const TO_TRY: Effort = { calls: 10, rivalCalls: 1, patienceMs: 500 };
/** So few that walks do not yet load the arrays. */
const FIRST_CALLS = 15;
const HOPS = [1, 2, 3, 4] as const;
/** What a whole neighbourhood may have here. */
const WIDE = { maxBeliefs: 1_000_000, maxEdges: 10_000_000, maxMs: 60_000 } as const;
const PROJECTION = 'bench';

interface Base {
  readonly name: string;
  readonly url: string;
  readonly valence: Valence;
  readonly ids: readonly string[];
  readonly pairs: readonly (readonly [string, string])[];
  readonly effort: Effort;
}

export interface GraphBench {
  readonly serverUrl: string;
  readonly work: string;
  readonly rounds: number;
  /** Fewer than `PERSONS`: the graph has so many, and all is only tried. */
  readonly beliefs: number;
}

export async function measureGraph(bench: GraphBench): Promise<void> {
  const library = (await import(new URL('../dist/index.js', import.meta.url).href)) as {
    openValence: typeof OpenValence;
    fileInput: typeof FileInput;
  };
  await onBase(bench, library.openValence, 'WordNet', async (valence, url) => {
    await importWordNet(valence, library.fileInput);
    await onServer(url, 'VACUUM ANALYZE');
  });
  await onBase(bench, library.openValence, 'social', (_, url) =>
    fillSocialGraph(url, Math.min(PERSONS, bench.beliefs)),
  );
}

async function onBase(
  { serverUrl, work, rounds, beliefs }: GraphBench,
  openValence: typeof OpenValence,
  name: string,
  fill: (valence: Valence, url: string) => Promise<void>,
): Promise<void> {
  await using database = await createTestDatabase(serverUrl);
  const { url } = database;
  const home = join(work, name);
  await mkdir(home);
  await using valence = openValence({ home, database: url });
  await valence.init();
  await fill(valence, url);
  const effort = beliefs < PERSONS ? TO_TRY : FOR_FIGURES;
  const calls = effort.calls * rounds;
  const ids = await drawn(url, 'one', calls);
  const others = await drawn(url, 'other', calls);
  const pairs = ids.map((id, index) => [id, others[index]!] as const);
  const base: Base = { name, url, valence, ids, pairs, effort };
  const [counts] = await rowsOf(
    url,
    `SELECT (SELECT count(*)::int FROM valence.beliefs) AS beliefs, (SELECT count(*)::int FROM valence.belief_edges) AS edges`,
  );
  print({ name: 'graph-base', base: name, ...counts });
  await measureFirstCalls(base, () => openValence({ home, database: url }));
  await measureWhole(base);
  const ours = await measureOurs(base);
  await measureRivals(base, ours);
  if (name === 'WordNet') await measureSearch({ url, valence, ids });
}

/** In a process that has only just opened the library: levels asked of SQL, before the arrays are at hand. */
async function measureFirstCalls({ name, ids, pairs }: Base, open: () => Valence): Promise<void> {
  for (const hops of HOPS) {
    await using valence = open();
    const latency = await latencyOf(ids.slice(0, FIRST_CALLS), async (id) => {
      await valence.graph.neighbors(id, { hops, ...WIDE });
    });
    print({ name: 'graph-neighbours', base: name, tool: 'valence, just opened', hops, ...latency });
  }
  await using valence = open();
  const latency = await latencyOf(pairs.slice(0, FIRST_CALLS), async ([from, to]) => {
    await valence.graph.path(from, to, { maxHops: 30, ...WIDE });
  });
  print({ name: 'graph-shortest', base: name, tool: 'valence, just opened', ...latency });
}

interface OurLatencies {
  readonly hops: ReadonlyMap<number, Latency>;
  readonly shortest: Latency;
}

async function measureOurs({ name, valence, ids, pairs, effort }: Base): Promise<OurLatencies> {
  const hops = new Map<number, Latency>();
  for (const count of HOPS) {
    const latency = await latencyOf(
      ids,
      async (id) => void (await valence.graph.neighbors(id, { hops: count, ...WIDE })),
    );
    print({ name: 'graph-neighbours', base: name, tool: 'valence', hops: count, ...latency });
    hops.set(count, latency);
  }
  const shortest = await latencyOf(
    pairs,
    async ([from, to]) => void (await valence.graph.path(from, to, { maxHops: 30, ...WIDE })),
  );
  print({ name: 'graph-shortest', base: name, tool: 'valence', ...shortest });
  const strongest = await latencyOf(
    pairs,
    async ([from, to]) => void (await valence.graph.path(from, to, { strongest: true, ...WIDE })),
  );
  print({ name: 'graph-strongest', base: name, tool: 'valence', ...strongest });
  const five = await latencyOf(
    pairs.slice(0, effort.rivalCalls),
    async ([from, to]) => void (await valence.graph.path(from, to, { strongest: true, k: 5, ...WIDE })),
  );
  print({ name: 'graph-five-strongest', base: name, tool: 'valence', ...five });
  return { hops, shortest };
}

/** The first call of all loads the arrays; those after it find them. */
async function measureWhole({ name, valence }: Base): Promise<void> {
  const calls = {
    components: () => valence.graph.components({ limit: 10 }),
    rank: () => valence.graph.rank({ limit: 10 }),
    communities: () => valence.graph.communities({ limit: 10 }),
    propagate: () => valence.graph.propagate({ limit: 10 }),
  } as const;
  const started = performance.now();
  await calls.components();
  print({
    name: 'graph-whole',
    base: name,
    query: 'components',
    state: 'cold',
    milliseconds: round3(performance.now() - started),
  });
  for (const [query, call] of Object.entries(calls)) {
    const latency = await latencyOf([1, 2, 3, 4, 5], async () => void (await call()), 1);
    print({ name: 'graph-whole', base: name, query, state: 'warm', ...latency });
  }
}

async function measureRivals(base: Base, ours: OurLatencies): Promise<void> {
  const { name, url, valence, effort } = base;
  const built = performance.now();
  await valence.graph.project({ name: PROJECTION });
  print({ name: 'graph-project', base: name, seconds: round3((performance.now() - built) / 1000) });
  await onServer(url, 'VACUUM ANALYZE');
  const { patienceMs } = effort;
  for (const open of [openRecursiveQuery, openAge]) {
    await using rival = await open(url, patienceMs, PROJECTION);
    await measureRival(rival, base, ours);
  }
}

async function measureRival(
  rival: GraphRival,
  { name: base, ids, pairs, effort }: Base,
  ours: OurLatencies,
): Promise<void> {
  for (const hops of HOPS) {
    const latency = await latencyOf(ids.slice(0, effort.rivalCalls), (id) => rival.neighbours(id, hops), 1);
    print({ name: 'graph-neighbours', base, tool: rival.name, hops, ...timesSlower(latency, ours.hops.get(hops)!) });
  }
  const latency = await latencyOf(pairs.slice(0, effort.rivalCalls), ([from, to]) => rival.shortest(from, to), 1);
  print({ name: 'graph-shortest', base, tool: rival.name, ...timesSlower(latency, ours.shortest) });
}

async function drawn(url: string, seed: string, count: number): Promise<readonly string[]> {
  const rows = await rowsOf<{ id: string }>(
    url,
    `SELECT id FROM valence.beliefs b
     WHERE EXISTS (SELECT FROM valence.belief_edges WHERE source_id = b.id) ORDER BY md5(id::text || $1) LIMIT $2`,
    [seed, count],
  );
  return rows.map(({ id }) => id);
}
