import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Clock, Timer } from '../../../src/core/clock.ts';
import { isValenceError, ValenceError } from '../../../src/core/errors.ts';
import type { ErrorCode } from '../../../src/core/errors.ts';
import { isAboutText } from '../../../src/embedding/embedder.ts';
import type { Embedder } from '../../../src/embedding/embedder.ts';
import { openAiEmbedder } from '../../../src/embedding/openai-embedder.ts';
import type { OpenAiEmbedderOptions } from '../../../src/embedding/openai-embedder.ts';
import { FakeTimer } from '../../support/fake-timer.ts';
import { bagOfWords, startEmbeddingServer } from '../../support/servers/embedding-server.ts';
import type { EmbeddingAnswer, EmbeddingFault, EmbeddingServer } from '../../support/servers/embedding-server.ts';
import { until } from '../../support/until.ts';

const KEY = 'sk-Very5ecretKeyThatNobodyMayEverSee0123456789';

/** Longer than any pause: a time-out, which in most of these tests never comes. */
const TIMEOUT_MS = 1_000_000;

/** Pauses pass at once, and are counted; time-outs do not come, since sockets take real time. */
class PassingTimer implements Timer, Clock {
  pending = 0;
  #elapsed = 0;

  elapsed(): number {
    return this.#elapsed;
  }

  now(): number {
    return 1_700_000_000_000 + this.#elapsed;
  }

  after(delayMs: number, act: () => void): () => void {
    this.pending += 1;
    if (delayMs === TIMEOUT_MS) return () => void (this.pending -= 1);
    const passing = setImmediate(() => {
      this.pending -= 1;
      this.#elapsed += delayMs;
      act();
    });
    return () => clearImmediate(passing);
  }
}

let server: EmbeddingServer;
let timer: PassingTimer;

beforeEach(async () => {
  server = await startEmbeddingServer();
  timer = new PassingTimer();
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

function embedder(options: Partial<OpenAiEmbedderOptions> = {}): Embedder {
  return openAiEmbedder({
    ...{ model: 'm', url: server.url, modelThere: 'there', key: null, dimensions: null, length: null },
    ...{ queryPrefix: '', documentPrefix: '', maxChars: 100, timeoutMs: TIMEOUT_MS, timer, clock: timer },
    ...options,
  });
}

function always(fault: EmbeddingFault): void {
  server.plan = () => fault;
}

function changed(change: (answer: EmbeddingAnswer) => unknown): EmbeddingFault {
  return { kind: 'changed', change };
}

function says(status: number, body: unknown, headers: Record<string, string> = {}): EmbeddingFault {
  return { kind: 'answer', status, body: typeof body === 'string' ? body : JSON.stringify(body), headers };
}

/** The error, which must not hold the key. */
async function failure(promise: Promise<unknown>, code: ErrorCode): Promise<ValenceError> {
  const error: unknown = await promise.then(
    () => new Error(`resolved, where ${code} was expected`),
    (reason: unknown) => reason,
  );
  if (!isValenceError(error)) throw error;
  expect(error.code).toBe(code);
  expect(error.message).toContain(`embedder m at ${server.host}: `);
  expect(JSON.stringify([error.message, error.hint, error.context, error.stack])).not.toContain('Very5ecret');
  return error;
}

const float32 = (values: readonly number[]): Float32Array => Float32Array.from(values);

describe('asks for vectors', () => {
  test('in the order of the texts, with what is configured', async () => {
    const vectors = await embedder({ key: KEY, dimensions: 8, documentPrefix: 'doc: ', maxChars: 5 }).embed(
      ['water', 'ice and snow'],
      'document',
    );
    expect(vectors).toEqual([float32(bagOfWords('doc: water', 8)), float32(bagOfWords('doc: ice a', 8))]);
    const [{ path, headers, body }] = server.requests as [(typeof server.requests)[number]];
    expect(path).toBe('/v1/embeddings');
    expect(headers.authorization).toBe(`Bearer ${KEY}`);
    expect(body).toEqual({
      ...{ model: 'there', encoding_format: 'float', dimensions: 8 },
      input: ['doc: water', 'doc: ice a'],
    });
  });

  test('with another prefix before a question, and no field that is not wanted', async () => {
    await embedder({ queryPrefix: 'q: ', documentPrefix: 'doc: ' }).embed(['ice?'], 'query');
    expect(server.requests[0]?.body).toEqual({ model: 'there', input: ['q: ice?'], encoding_format: 'float' });
    expect(server.requests[0]?.headers.authorization).toBeUndefined();
    expect(await embedder().embed([], 'query')).toEqual([]);
    expect(server.requests).toHaveLength(1);
  });

  test('and cuts no character in half', async () => {
    await embedder({ maxChars: 2 }).embed(['🧊🧊🧊', 'ab', '🧊a🧊'], 'document');
    expect(server.requests[0]?.input).toEqual(['🧊🧊', 'ab', '🧊a']);
  });

  test.each<[string, (answer: EmbeddingAnswer) => unknown]>([
    ['in another order', (answer) => ({ ...answer, data: answer.data.toReversed() })],
    ['without numbers', ({ data }) => ({ data: data.map(({ embedding }) => ({ embedding })) })],
    [
      'packed',
      ({ data }) => ({
        data: data.map(({ index, embedding }) => ({
          index,
          embedding: Buffer.from(float32(embedding as number[]).buffer).toString('base64'),
        })),
      }),
    ],
  ])('and takes an answer %s', async (_, change) => {
    always(changed(change));
    const vectors = await embedder().embed(['water', 'ice'], 'document');
    expect(vectors).toEqual([float32(bagOfWords('water', 16)), float32(bagOfWords('ice', 16))]);
  });

  test('without the form of the vectors where a server does not know it', async () => {
    server.plan = ({ body }) =>
      'encoding_format' in body ? says(400, { error: { message: 'Unrecognized argument: encoding_format' } }) : null;
    const one = embedder();
    await one.embed(['a'], 'document');
    await one.embed(['b'], 'document');
    expect(server.requests.map(({ body }) => 'encoding_format' in body)).toEqual([true, false, false]);
  });
});

describe('an answer that cannot be right is refused:', () => {
  const first = (embedding: unknown): EmbeddingFault =>
    changed(({ data }) => ({ data: data.map((item, place) => (place === 0 ? { ...item, embedding } : item)) }));
  const zeros = Array.from({ length: 16 }, () => 0);

  test.each<[string, EmbeddingFault, string, boolean]>([
    ['a page', says(200, '<html>Welcome</html>'), 'the answer is not JSON: <html>Welcome</html>', false],
    ['JSON of something else', says(200, { ok: true }), 'the answer has no vectors', false],
    ['null', says(200, 'null'), 'the answer has no vectors', false],
    ['too few vectors', changed(({ data }) => ({ data: data.slice(1) })), '1 vectors for 2 texts', false],
    ['too many', changed(({ data }) => ({ data: [...data, ...data] })), '4 vectors for 2 texts', false],
    [
      'a number twice',
      changed(({ data }) => ({ data: data.map((item) => ({ ...item, index: 1 })) })),
      'not numbered as the texts are',
      false,
    ],
    [
      'a number that is none',
      changed(({ data }) => ({ data: data.map((item) => ({ ...item, index: 'x' })) })),
      'not numbered as the texts are',
      false,
    ],
    ['vectors of unequal length', first([1, 2, 3]), 'where the model', false],
    ['an empty vector', first([]), 'has no vector', false],
    ['no vector', first({}), 'has no vector', false],
    ['text in a vector', first(['1']), 'has no vector', false],
    ['packed bytes that are none', first('!!!!'), 'has no vector', false],
    ['zeros', first(zeros), 'zeros only', true],
    ['a number that is too large', first(zeros.with(0, 1e39)), 'single precision', true],
    ['null for a number', first([null, ...zeros.slice(1)]), 'single precision', true],
    ['NaN', says(200, '{"data":[{"index":0,"embedding":[1.0, NaN]}]}'), 'no number', true],
  ])('%s', async (_, fault, message, aboutText) => {
    always(fault);
    const error = await failure(embedder({ key: KEY }).embed(['a', 'b'], 'document'), 'embedding/malformed');
    expect(error.message).toContain(message);
    expect(isAboutText(error)).toBe(aboutText);
    expect(server.requests).toHaveLength(1);
  });

  test('vectors of another length than the database has, or than the first ones', async () => {
    expect((await failure(embedder({ length: 8 }).embed(['a'], 'query'), 'embedding/malformed')).message).toContain(
      "a vector has 16 numbers, where the model's have 8",
    );
    const one = embedder();
    await one.embed(['a'], 'document');
    server.dimensions = 4;
    const error = await failure(one.embed(['a'], 'document'), 'embedding/malformed');
    expect(error.message).toContain("a vector has 4 numbers, where the model's have 16");
    server.dimensions = 16_001;
    expect((await failure(embedder().embed(['a'], 'query'), 'embedding/malformed')).message).toContain('16001 numbers');
  });

  test('one without end', async () => {
    always({ kind: 'flood' });
    const error = await failure(embedder().embed(['a'], 'document'), 'embedding/malformed');
    expect(error.message).toMatch(/longer than \d+ bytes/);
  });
});

describe('a refusal says what to do:', () => {
  test.each<[string, EmbeddingFault, RegExp, RegExp, boolean]>([
    [
      'a key',
      says(401, { error: { message: `bad key ${KEY}` } }),
      /answers 401: bad key \*\*\*$/,
      /key is right/,
      false,
    ],
    ['a part of a key', says(403, { error: 'bad key sk-Very*****6789' }), /bad key \*\*\*$/, /key is right/, false],
    [
      'a model',
      says(404, { error: { message: 'model "there" not found, try pulling it first' } }),
      /404: model "there" not found/,
      /ollama pull there/,
      false,
    ],
    ['a path', says(404, '<h1>404 page not found</h1>'), /404: 404 page not found$/, /base of its calls/, false],
    [
      'a redirect',
      says(302, '', { location: 'http://example.org/' }),
      /answers 302$/,
      /address that it leads to/,
      false,
    ],
    ['dimensions', says(400, { error: { message: 'no dimensions here' } }), /no dimensions/, /take dimensions/, false],
    ['a text', says(400, { error: { message: 'no' } }), /answers 400: no$/, /of the text/, true],
    ['its length', says(413, ''), /answers 413$/, /of the text/, true],
    [
      'its length, as Ollama',
      says(500, { error: 'the input length exceeds the context length' }),
      /500/,
      /max-chars/,
      true,
    ],
    ['money', says(429, { error: { code: 'insufficient_quota', message: 'You exceeded' } }), /429/, /account/, false],
    [
      'control characters',
      says(418, 'a\u001b[2J\u202eb\nc'),
      /answers 418: a \[2J b c$/,
      /what the endpoint says/,
      false,
    ],
  ])('%s', async (_, fault, message, hint, aboutText) => {
    always(fault);
    const error = await failure(embedder({ key: KEY, maxChars: 9 }).embed(['a'], 'document'), 'embedding/refused');
    expect(error.message).toMatch(message);
    expect(error.hint).toMatch(hint);
    expect(isAboutText(error)).toBe(aboutText);
    expect(server.requests).toHaveLength(1);
  });

  test('no key, where one is wanted', async () => {
    always(says(401, 'Unauthorized'));
    expect((await failure(embedder().embed(['a'], 'query'), 'embedding/refused')).hint).toContain('set key');
  });

  test('in few words, however many there are', async () => {
    always(says(418, 'x '.repeat(100_000)));
    const { message } = await failure(embedder().embed(['a'], 'query'), 'embedding/refused');
    expect(message.length).toBeLessThan(300);
  });
});

describe('an endpoint that is away or busy', () => {
  test('is asked again, after growing pauses, and answers', async () => {
    const times: number[] = [];
    server.plan = ({ index }) => {
      times.push(timer.elapsed());
      return (
        ([{ kind: 'reset' }, says(500, 'oh'), { kind: 'cut' }, says(503, 'Loading model'), says(502, '')] as const)[
          index
        ] ?? null
      );
    };
    expect(await embedder().embed(['a'], 'document')).toHaveLength(1);
    expect(times).toEqual([0, 500, 1500, 3500, 7500, 15_500]);
  });

  test.each([
    ['seconds', '7', 7000],
    ['a date', 'Tue, 14 Nov 2023 22:13:29 GMT', 9000],
    ['more than anybody would wait', '86400', 60_000],
    ['the past', 'Tue, 14 Nov 2003 22:13:29 GMT', 500],
    ['nothing that can be read', 'soon', 500],
  ])('is left alone for as long as it asks: %s', async (_, retryAfter, pauseMs) => {
    server.plan = ({ index }) => (index === 0 ? says(429, 'rate limit exceeded', { 'retry-after': retryAfter }) : null);
    await embedder().embed(['a'], 'query');
    expect(timer.elapsed()).toBe(pauseMs);
  });

  test('is given up after six tries, for a question after two', async () => {
    always(says(503, 'busy'));
    const error = await failure(embedder().embed(['a'], 'document'), 'embedding/unavailable');
    expect(error.message).toMatch(/answers 503: busy \(6 tries\)$/);
    expect(server.requests).toHaveLength(6);
    await failure(embedder().embed(['a'], 'query'), 'embedding/unavailable');
    expect(server.requests).toHaveLength(8);
  });

  test('that is not there', async () => {
    const { url, host } = server;
    await server[Symbol.asyncDispose]();
    const error = await failure(embedder({ url, key: KEY }).embed(['a'], 'query'), 'embedding/unavailable');
    server = await startEmbeddingServer();
    expect(error.message).toMatch(/ECONNREFUSED.*\(2 tries\)$/);
    expect(error.message).toContain(host);
  });

  test.each<EmbeddingFault['kind']>(['silence', 'stall', 'trickle'])(
    'is not waited for longer than the time-out: %s',
    async (kind) => {
      server.plan = () => ({ kind }) as EmbeddingFault;
      const slow = new FakeTimer();
      const asking = failure(embedder({ timeoutMs: 3000, timer: slow }).embed(['a'], 'query'), 'embedding/unavailable');
      await until(() => server.requests.length === 1);
      await slow.advance(2999);
      expect(slow.pending).toBe(1);
      await slow.advance(1);
      await until(() => slow.pending === 1);
      await slow.advance(500);
      await until(() => server.requests.length === 2);
      await slow.advance(3000);
      const error = await asking;
      expect(slow.elapsed()).toBe(6500);
      expect(error.message).toContain('no answer within 3 s (2 tries)');
      expect(error.hint).toContain('raise timeout');
    },
  );

  test('is not waited for by who has gone', async () => {
    always({ kind: 'silence' });
    const controller = new AbortController();
    const reason = new ValenceError('cancelled', 'interrupted');
    const asking = embedder().embed(['a'], 'document', controller.signal);
    asking.catch(() => undefined);
    await until(() => server.requests.length === 1);
    controller.abort(reason);
    await expect(asking).rejects.toBe(reason);
    expect(timer.pending).toBe(0);
    const slow = new FakeTimer();
    always(says(503, ''));
    const pausing = embedder({ timer: slow }).embed(['a'], 'document', controller.signal);
    await expect(pausing).rejects.toBe(reason);
    const later = new AbortController();
    const waiting = embedder({ timer: slow }).embed(['a'], 'document', later.signal);
    waiting.catch(() => undefined);
    await until(() => server.requests.length === 2);
    await until(() => slow.pending === 1);
    later.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    expect(slow.pending).toBe(0);
  });
});
