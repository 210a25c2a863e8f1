import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connect } from '../../src/app/embedder.ts';
import { embedMissing } from '../../src/app/embed.ts';
import { EmbedRun } from '../../src/app/embed-run.ts';
import type { AppContext } from '../../src/app/context.ts';
import { modelCalls } from '../../src/app/models.ts';
import { parseConfig } from '../../src/config/config-text.ts';
import { systemClock } from '../../src/core/clock.ts';
import { ValenceError } from '../../src/core/errors.ts';
import type { ProgressEvent } from '../../src/core/progress.ts';
import type { Embedder } from '../../src/embedding/embedder.ts';
import { unembeddedBeliefs } from '../../src/graph/embedding/missing-embeddings.ts';
import { modelNamed } from '../../src/graph/embedding/models.ts';
import { storeEmbeddings } from '../../src/graph/embedding/store-embeddings.ts';
import type { Database } from '../../src/schema/database.ts';
import { missingVectorIndexes } from '../../src/schema/vector-index.ts';
import { forEachEngine, testEngine } from '../support/engines.ts';
import { rejection } from '../support/expect-code.ts';
import { beliefId, importLines } from '../support/sample-knowledge.ts';
import { bagOfWords, startEmbeddingServer } from '../support/servers/embedding-server.ts';
import type { EmbeddingPlan, EmbeddingServer } from '../support/servers/embedding-server.ts';

let server: EmbeddingServer;
let events: ProgressEvent[];

beforeEach(async () => {
  server = await startEmbeddingServer();
  events = [];
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

/** What the calls of the library work with, as far as these use it. */
function contextOf(database: Database, embedders: string, signal = new AbortController().signal): AppContext {
  const { config } = parseConfig(`version: 1\nembedders:\n${embedders}`, '/valence.yaml');
  return {
    config: async () => config,
    database: async () => database,
    env: {},
    signal,
    clock: systemClock,
    progress: (event: ProgressEvent) => void events.push(event),
  } as unknown as AppContext;
}

function embedder(name = 'm', more = ''): string {
  return `  ${name}: { url: "${server.url}", batch: 4, concurrency: 2${more} }\n`;
}

/** What is stored of a model: the number of each belief, and whether its vector is that of this text. */
async function stored(database: Database, model = 'm', dimensions = 16): Promise<readonly number[]> {
  const { rows } = await sql<{ number: number; content: string; embedding: string }>`
    SELECT right(belief_id::text, 12)::int AS number, content, embedding::text
    FROM belief_embeddings JOIN beliefs ON beliefs.id = belief_id JOIN models ON models.id = model_id
    WHERE name = ${model} ORDER BY belief_id`.execute(database.kysely);
  for (const { content, embedding } of rows) {
    const expected = Float32Array.from(bagOfWords(content, dimensions));
    expect(Float32Array.from(JSON.parse(embedding) as number[]), content).toEqual(expected);
  }
  return rows.map(({ number }) => number);
}

/** Contents of which no two have an equal vector. */
function contents(from: number, to: number): { readonly id: string; readonly content: string }[] {
  return Array.from({ length: to - from + 1 }, (_, index) => {
    const number = from + index;
    return { id: beliefId(number), content: `belief ${number} of ${'water '.repeat(number)}` };
  });
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);

/** Fails texts that have this word, as an endpoint would that does not take them. */
const poisoned: EmbeddingPlan = ({ input }) =>
  input.some((text) => text.includes('poison')) ? { kind: 'answer', status: 400, body: 'bad input' } : null;

forEachEngine('embedding what is missing', ({ openMigrated }) => {
  async function withBeliefs(count: number): Promise<Database> {
    const database = await openMigrated();
    await importLines(database, contents(1, count));
    return database;
  }

  test('gives each belief that is not archived a vector, once, and the model an index', async () => {
    const database = await withBeliefs(10);
    await database.execute(`UPDATE beliefs SET status = 'archived' WHERE id = '${beliefId(3)}'`);
    const context = contextOf(database, embedder());
    const expected = { model: 'm', host: server.host, dimensions: 16, failed: 0, failures: [], cut: 0, complete: true };
    expect(await embedMissing(context)).toEqual({
      ...{ ...expected, type: 'embed', dryRun: false, embedded: 9, missing: 0 },
    });
    expect(await stored(database)).toEqual([1, 2, ...range(4, 10)]);
    expect(server.requests.map(({ input }) => input.length).toSorted((a, b) => a - b)).toEqual([1, 4, 4]);
    expect(await missingVectorIndexes(database)).toEqual([]);
    expect(events).toContainEqual({ stage: 'embedding with m', done: 9, total: 9, unit: 'rows' });
    expect(await embedMissing(context)).toMatchObject({ embedded: 0, missing: 0, complete: true });
    expect(server.requests).toHaveLength(3);
    expect(await embedMissing(context, { status: 'all' })).toMatchObject({ embedded: 1, missing: 0 });
  });

  test('of a domain, of a status, and at most so many', async () => {
    const database = await openMigrated();
    const domains = (number: number): string[] => (number % 2 === 0 ? ['even'] : []);
    const status = (number: number): string => (number > 8 ? 'disputed' : 'active');
    await importLines(
      database,
      contents(1, 12).map((line, place) => ({ ...line, domains: domains(place + 1), status: status(place + 1) })),
    );
    const context = contextOf(database, embedder('m', ', max-chars: 40'));
    const dry = await embedMissing(context, { domain: 'even', dryRun: true });
    expect(dry).toMatchObject({ dryRun: true, embedded: 6, cut: 4, missing: 6, dimensions: null, complete: true });
    expect(server.requests).toHaveLength(0);
    expect(await modelNamed(database, 'm')).toBeNull();
    expect(await embedMissing(context, { domain: 'even', limit: 5, status: 'active' })).toMatchObject({
      ...{ embedded: 4, cut: 2, missing: 0, complete: true },
    });
    expect(await embedMissing(context, { limit: 6 })).toMatchObject({ embedded: 6, missing: 2, complete: true });
    expect(await embedMissing(context, { status: 'disputed' })).toMatchObject({ embedded: 2, missing: 0 });
  });

  test('names the texts that the endpoint does not take, and stores all others', async () => {
    const database = await withBeliefs(9);
    await importLines(database, [
      { id: beliefId(20), content: 'poison' },
      { id: beliefId(21), content: 'zeros' },
    ]);
    server.plan = (request) => {
      if (!request.input.some((text) => text === 'zeros')) return poisoned(request);
      return {
        kind: 'changed',
        change: ({ data }) => ({
          data: data.map((item, place) => {
            const isZero = request.input[place] === 'zeros';
            return isZero ? { ...item, embedding: Array.from({ length: 16 }, () => 0) } : item;
          }),
        }),
      };
    };
    const report = await embedMissing(contextOf(database, embedder()));
    expect(report).toMatchObject({ embedded: 9, failed: 2, missing: 2, complete: false });
    expect(report.failures.toSorted((a, b) => (a.id < b.id ? -1 : 1))).toEqual([
      { id: beliefId(20), reason: expect.stringContaining('answers 400: bad input') },
      { id: beliefId(21), reason: expect.stringContaining('zeros only') },
    ]);
    expect(await stored(database)).toEqual(range(1, 9));
  });

  test('gives up where nothing is taken at all', async () => {
    const database = await withBeliefs(80);
    server.plan = () => ({ kind: 'answer', status: 400, body: 'no' });
    await rejection(embedMissing(contextOf(database, embedder())), 'embedding/refused');
    expect(server.requests.length).toBeLessThan(200);
    expect(await stored(database)).toEqual([]);
  });

  test('goes on where a run broke off', async () => {
    const database = await withBeliefs(20);
    let answered = 0;
    server.plan = () => ((answered += 1) > 3 ? { kind: 'answer', status: 401, body: '' } : null);
    await rejection(embedMissing(contextOf(database, embedder())), 'embedding/refused');
    const before = await stored(database);
    expect(before.length).toBeGreaterThanOrEqual(4);
    expect(before.length).toBeLessThanOrEqual(12);
    server.plan = () => null;
    expect(await embedMissing(contextOf(database, embedder()))).toMatchObject({ embedded: 20 - before.length });
    expect(await stored(database)).toEqual(range(1, 20));
  });

  test('ends at once when it is told to, and keeps what it has', async () => {
    const database = await withBeliefs(20);
    const interrupt = new AbortController();
    server.plan = ({ index }) => {
      if (index < 3) return null;
      interrupt.abort(new ValenceError('cancelled', 'interrupted'));
      return { kind: 'silence' };
    };
    await rejection(embedMissing(contextOf(database, embedder(), interrupt.signal)), 'cancelled');
    const before = await stored(database);
    server.plan = () => null;
    await embedMissing(contextOf(database, embedder()));
    expect(before.length).toBeLessThan(20);
    expect(await stored(database)).toEqual(range(1, 20));
  });

  test('never stores the vector of what a belief no longer says', async () => {
    const database = await withBeliefs(8);
    let change: Promise<void> | null = null;
    server.plan = async () => {
      // While the endpoint works: nothing of ours is open then. No request is answered before.
      change ??= database.execute(`
        UPDATE beliefs SET content = 'something else' WHERE id = '${beliefId(2)}';
        UPDATE beliefs SET confidence = 0.5 WHERE id = '${beliefId(3)}';
        DELETE FROM beliefs WHERE id IN ('${beliefId(4)}', '${beliefId(8)}')`);
      await change;
      return null;
    };
    const report = await embedMissing(contextOf(database, embedder()));
    expect(report).toMatchObject({ embedded: 6, missing: 0, failed: 0, complete: true });
    expect(await stored(database)).toEqual([1, 2, 3, 5, 6, 7]);
    expect(server.requests.flatMap(({ input }) => input)).toContain('something else');
  });

  test('runs side by side with others', async () => {
    const database = await withBeliefs(40);
    const runs = [1, 2, 3].map(() => embedMissing(contextOf(database, embedder())));
    const reports = await Promise.all(runs);
    expect(reports.reduce((sum, { embedded }) => sum + embedded, 0)).toBe(40);
    expect(reports.every(({ failed }) => failed === 0)).toBe(true);
    expect(await stored(database)).toEqual(range(1, 40));
  });

  test('stops when another model answers, in the middle or from the beginning', async () => {
    const database = await withBeliefs(20);
    let answered = 0;
    server.plan = () => {
      if ((answered += 1) > 2) server.dimensions = 8;
      return null;
    };
    const context = contextOf(database, embedder('m', ', timeout: 10m'));
    expect((await rejection(embedMissing(context), 'embedding/malformed')).message).toContain(
      "a vector has 8 numbers, where the model's have 16",
    );
    expect((await stored(database)).length).toBeGreaterThanOrEqual(4);
    await rejection(embedMissing(context), 'embedding/malformed');
    const other = await rejection(
      embedMissing(contextOf(database, embedder('m', ', dimensions: 8'))),
      'config/invalid',
    );
    expect(other.message).toBe("embedders.m.dimensions is 8, the model's vectors in the database have 16");
    expect(await embedMissing(contextOf(database, embedder('m', ', dimensions: 16')))).toMatchObject({ missing: 0 });
    expect(await stored(database)).toEqual(range(1, 20));
  });

  test('stops when the endpoint is gone, with what it has', async () => {
    const database = await withBeliefs(12);
    const context = contextOf(database, embedder());
    const config = (await context.config())!.embedders.get('m')!;
    const working = await connect(context, { model: 'm', config });
    let calls = 0;
    const dying: Embedder = {
      model: 'm',
      host: working.host,
      embed: async (texts, purpose, signal) => {
        if ((calls += 1) > 2) throw new ValenceError('embedding/unavailable', 'gone');
        return working.embed(texts, purpose, signal);
      },
    };
    const run = new EmbedRun(context, { database, embedder: dying, config, model: null, limit: 100, total: 12 });
    await rejection(run.finish(), 'embedding/unavailable');
    expect((await stored(database)).length).toBe(run.embedded);
  });

  test('stops when the model is removed meanwhile', async () => {
    const database = await withBeliefs(12);
    await embedMissing(contextOf(database, embedder()), { limit: 4 });
    server.plan = async ({ index }) => {
      if (index === 1) await modelCalls(contextOf(database, embedder())).remove('m');
      return null;
    };
    const error = await rejection(embedMissing(contextOf(database, embedder('m', ''))), 'graph/refused');
    expect(error.message).toBe('there is no model whose vectors are of this length');
    expect(await modelNamed(database, 'm')).toBeNull();
  });

  test('has models side by side, lists them, and removes one when its time is over', async () => {
    const database = await withBeliefs(6);
    const context = contextOf(database, embedder('old') + embedder('new', ', dimensions: 8') + embedder('unused'));
    const calls = modelCalls(context);
    await importLines(database, [{ id: beliefId(1), content: contents(1, 1)[0]!.content, embedding: [1] }], {
      ...{ model: 'foreign', onConflict: 'update' },
    });
    expect((await rejection(embedMissing(context), 'config/invalid')).message).toContain('old, new, unused');
    await embedMissing(context, { model: 'old' });
    await embedMissing(context, { model: 'new', limit: 2 });
    const model = { type: 'model', indexed: true, host: server.host };
    expect(await calls.list()).toEqual([
      { ...model, name: 'foreign', dimensions: 1, embeddings: 1, missing: 5, host: null },
      { ...model, name: 'new', dimensions: 8, embeddings: 2, missing: 4 },
      { ...model, name: 'old', dimensions: 16, embeddings: 6, missing: 0 },
      { ...model, name: 'unused', dimensions: null, embeddings: 0, missing: 6, indexed: false },
    ]);
    expect(await stored(database, 'new', 8)).toEqual([1, 2]);
    expect(await calls.remove('old')).toEqual({ type: 'model-removed', name: 'old', embeddings: 6 });
    expect((await rejection(calls.remove('old'), 'graph/not-found')).hint).toContain('foreign, new');
    expect((await calls.list()).map(({ name, embeddings }) => [name, embeddings])).toEqual([
      ...[['foreign', 1] as const, ['new', 2] as const],
      ...[['old', 0] as const, ['unused', 0] as const],
    ]);
    const { rows } = await sql<{ count: number }>`
      SELECT count(*)::int AS count FROM pg_indexes WHERE indexname LIKE 'belief_embeddings_hnsw_%'`.execute(
      database.kysely,
    );
    expect(rows).toEqual([{ count: 2 }]);
    expect(await embedMissing(context, { model: 'old' })).toMatchObject({ embedded: 6, dimensions: 16 });
  });
});

describe('embedding on a server', () => {
  const { openMigrated } = testEngine('postgres');

  test('passes over a belief that is being changed, and does not wait for it', async () => {
    const database = await openMigrated();
    await importLines(database, contents(1, 4));
    // The index, whose building waits for every transaction that is open, is there.
    await embedMissing(contextOf(database, embedder()), { limit: 1 });
    const changed = Promise.withResolvers<void>();
    const mayEnd = Promise.withResolvers<void>();
    const change = database.transaction({}, async (session) => {
      await session.execute(`UPDATE beliefs SET content = 'something else' WHERE id = '${beliefId(2)}'`);
      changed.resolve();
      await mayEnd.promise;
    });
    await changed.promise;
    const report = await embedMissing(contextOf(database, embedder()));
    expect(report).toMatchObject({ embedded: 2, missing: 1, failed: 0, complete: false });
    mayEnd.resolve();
    await change;
    expect(await stored(database)).toEqual([1, 3, 4]);
    expect(await embedMissing(contextOf(database, embedder()))).toMatchObject({ embedded: 1, complete: true });
    expect(await stored(database)).toEqual([1, 2, 3, 4]);
  });

  test('lets a change wait for a vector that is being stored, which then goes', async () => {
    const database = await openMigrated();
    await importLines(database, contents(1, 1));
    await embedMissing(contextOf(database, embedder()));
    const model = (await modelNamed(database, 'm'))!;
    await database.execute('DELETE FROM belief_embeddings');
    const page = await unembeddedBeliefs(database, { modelId: model.id }, { after: null, limit: 9, maxChars: 99 });
    const isStored = Promise.withResolvers<void>();
    const mayEnd = Promise.withResolvers<void>();
    const storing = database.transaction({}, async (session) => {
      const vector = Float32Array.from(bagOfWords(page[0]!.text, 16));
      await storeEmbeddings(session, model.id, [
        { beliefId: page[0]!.id, contentDigest: page[0]!.contentDigest, vector },
      ]);
      isStored.resolve();
      await mayEnd.promise;
    });
    await isStored.promise;
    const change = database.execute(`UPDATE beliefs SET content = 'something else'`);
    await untilWaiting(database);
    mayEnd.resolve();
    await Promise.all([storing, change]);
    expect(await stored(database)).toEqual([]);
  });
});

/** Resolves when a statement of the database waits for a lock. */
async function untilWaiting(database: Database): Promise<void> {
  for (let tries = 0; tries < 10_000; tries += 1) {
    const { rows } = await sql`
      SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`.execute(
      database.kysely,
    );
    if (rows.length > 0) return;
  }
  throw new Error('nothing waits');
}
