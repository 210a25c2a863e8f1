import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openContext } from '../../src/app/context.ts';
import type { AppContext } from '../../src/app/context.ts';
import { setUpHome } from '../../src/app/home-setup.ts';
import type { OpenEmbedder } from '../../src/app/query-embedding.ts';
import { searchCalls } from '../../src/app/search.ts';
import type { SearchOptions, SearchResult } from '../../src/app/search-calls.ts';
import { ValenceError } from '../../src/core/errors.ts';
import { FakeTimer } from '../support/fake-timer.ts';
import { beliefId, importLines } from '../support/sample-knowledge.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';

describe('a search whose text is embedded', () => {
  let folder: TemporaryFolder;
  let context: AppContext;
  const asked: unknown[] = [];

  beforeAll(async () => {
    folder = await temporaryFolder();
    context = openContext({ home: join(folder.path, 'home'), env: {} });
    await setUpHome(context);
    await importLines(
      await context.database(),
      [
        { id: beliefId(1), content: 'cats sleep', embedding: [1, 0] },
        { id: beliefId(2), content: 'dogs bark', embedding: [0, 1] },
        { id: beliefId(3), content: 'felines rest', embedding: [0.9, 0.1] },
      ],
      { model: 'tiny' },
    );
  });

  afterEach(() => void asked.splice(0));

  afterAll(async () => {
    await context[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  type Embed = (signal: AbortSignal | undefined) => Promise<readonly Float32Array[]>;

  function embedder(model: string, embed: Embed): OpenEmbedder {
    return async () => ({
      ...{ model, host: 'test' },
      embed: (texts, purpose, signal) => {
        asked.push([texts, purpose]);
        return embed(signal);
      },
    });
  }

  function searchWith(
    open: OpenEmbedder,
    text: string,
    options: SearchOptions = {},
    timer = new FakeTimer(),
  ): Promise<SearchResult> {
    return searchCalls(context, { open, timer }).search(text, options);
  }

  const contents = ({ hits }: SearchResult): string[] => hits.map(({ belief }) => belief.content);
  const near: Embed = async () => [Float32Array.of(1, 0)];

  test('finds by words and by what is near', async () => {
    const result = await searchWith(embedder('tiny', near), 'cats');
    expect(contents(result)).toEqual(['cats sleep', 'felines rest', 'dogs bark']);
    expect(asked).toEqual([[['cats'], 'query']]);
    expect(result.summary).toEqual({
      ...{ type: 'search', hits: 3, neighbours: 0, language: 'english', model: 'tiny' },
      ...{ text: { matches: 1, indexed: false }, withoutText: null },
      ...{ vector: { matches: 3, exact: true }, withoutVectors: null },
      ...{ as_of: null, known_at: null, stopped: null },
    });
  });

  test('by vector alone where the text has nothing to look for', async () => {
    const result = await searchWith(embedder('tiny', near), 'the');
    expect(result.summary).toMatchObject({ text: null, withoutText: 'no-words', vector: { matches: 3 } });
  });

  test('is not embedded where there is a vector, or none is wanted', async () => {
    const open = embedder('tiny', near);
    expect(contents(await searchWith(open, 'cats', { vector: { values: [0, 1] } }))[0]).toBe('cats sleep');
    expect(contents(await searchWith(open, '', { vector: { model: 'tiny', values: [0, 1] } }))[0]).toBe('dogs bark');
    const result = await searchWith(open, 'cats', { textOnly: true });
    expect(result.summary.withoutVectors?.reason).toBe('text-only');
    expect(asked).toEqual([]);
  });

  const FAILING: readonly (readonly [name: string, embed: Embed, message: RegExp])[] = [
    [
      'is away',
      () => Promise.reject(new ValenceError('backend/unavailable', 'connection refused')),
      /connection refused/,
    ],
    ['gives another length', async () => [Float32Array.of(1, 0, 0)], /3 numbers, those of tiny have 2/],
    ['gives what is no number', async () => [Float32Array.of(NaN, 0)], /no finite number/],
    ['gives zeros', async () => [Float32Array.of(0, 0)], /zero/],
    ['gives nothing', async () => [], /0 numbers/],
  ];
  test.for(FAILING)('gives what full text found when the embedder %s', async ([, embed, message]) => {
    const result = await searchWith(embedder('tiny', embed), 'cats');
    expect(contents(result)).toEqual(['cats sleep']);
    expect(result.summary).toMatchObject({ model: null, vector: null, withoutVectors: { reason: 'embedder-failed' } });
    expect(result.summary.withoutVectors?.message).toMatch(message);
  });

  test('waits half its time for an embedder that never answers, even if that does not listen', async () => {
    const timer = new FakeTimer();
    const signals: (AbortSignal | undefined)[] = [];
    const open = embedder('tiny', (signal) => {
      signals.push(signal);
      queueMicrotask(() => void timer.advance(5000));
      return new Promise(() => {});
    });
    const result = await searchWith(open, 'cats', { maxMs: 10_000 }, timer);
    expect(contents(result)).toEqual(['cats sleep']);
    expect(result.summary.withoutVectors).toEqual({
      reason: 'embedder-failed',
      message: 'full text alone was searched: the embedder took longer than 5 s',
    });
    expect(signals[0]?.aborted).toBe(true);
  });

  test('says that there is no embedder, or that its model has no embeddings yet', async () => {
    expect((await searchWith(async () => null, 'cats')).summary.withoutVectors?.reason).toBe('no-embedder');
    const other = await searchWith(embedder('other', near), 'cats');
    expect(other.summary.withoutVectors).toMatchObject({ reason: 'no-embeddings', message: /valence embed/ });
    expect(asked).toEqual([]);
  });

  test('is refused where the model that was named has no embedder', async () => {
    const open: OpenEmbedder = async () => {
      throw new ValenceError('config/invalid', 'no embedder is configured for the model x', { hint: 'configure one' });
    };
    await expect(searchWith(open, 'cats', { model: 'x' })).rejects.toMatchObject({ code: 'config/invalid' });
    expect((await searchWith(open, 'cats')).summary.withoutVectors).toEqual({
      reason: 'embedder-failed',
      message: 'full text alone was searched: no embedder is configured for the model x (configure one)',
    });
  });

  test('is refused where there is nothing to search for', async () => {
    const open: OpenEmbedder = async () => null;
    const refusals: readonly (readonly [string, SearchOptions])[] = [
      ['', {}],
      ['cats', { limit: 0 }],
      ['cats', { limit: 1001 }],
      ['cats', { expand: 11 }],
      ['cats', { since: 'yesterday' }],
      ['cats', { as_of: '2026' }],
      ['cats', { minConfidence: 2 }],
      ['x'.repeat(10_001), {}],
    ];
    for (const [text, options] of refusals)
      await expect(searchWith(open, text, options)).rejects.toMatchObject({ code: 'graph/refused' });
  });
});
