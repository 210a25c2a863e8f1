import { once } from 'node:events';
import { createServer as createHttp } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { S3_FAULTS, halfway, startFaultyHttp } from '../support/servers/faulty-http.ts';
import type { HttpFault } from '../support/servers/faulty-http.ts';
import type { ConnectionPlan, StreamFault } from '../support/servers/faulty-proxy.ts';
import { startFaultyProxy } from '../support/servers/faulty-proxy.ts';
import { randomLine } from '../support/servers/random-lines.ts';

/** That what the tests of backends are run behind harms as it says. */

const SENT = Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 31 + (i >> 8)) & 0xff));

interface Listening extends AsyncDisposable {
  readonly port: number;
}

/** Takes all that comes; when the client has ended, `reply` goes back. */
async function collector(reply: Buffer): Promise<Listening & { readonly received: Promise<Buffer | 'broken'>[] }> {
  const received: Promise<Buffer | 'broken'>[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const all = collect(socket);
    received.push(all);
    void all.then((bytes) => (bytes === 'broken' ? undefined : socket.end(reply)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    received,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, 'close');
    },
  };
}

async function collect(socket: Socket): Promise<Buffer | 'broken'> {
  const pieces: Buffer[] = [];
  try {
    for await (const piece of socket.iterator({ destroyOnReturn: false })) pieces.push(piece as Buffer);
    return Buffer.concat(pieces);
  } catch {
    return 'broken';
  }
}

/** Sends, ends, and gives what the server got and what came back. */
async function exchange(
  plan: ConnectionPlan | null,
): Promise<{ up: Buffer | 'broken' | undefined; down: Buffer | 'broken' }> {
  await using server = await collector(SENT);
  await using proxy = await startFaultyProxy(server, () => plan);
  const client = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true });
  client.on('error', () => undefined);
  const coming = collect(client);
  client.end(SENT);
  const down = await coming;
  client.destroy();
  return { up: await server.received[0], down };
}

const without = (at: number, count: number): Buffer => Buffer.concat([SENT.subarray(0, at), SENT.subarray(at + count)]);

describe('a TCP proxy', () => {
  test('passes everything without a plan', async () => {
    expect(await exchange(null)).toEqual({ up: SENT, down: SENT });
  });

  const REARRANGED: readonly (readonly [StreamFault, Buffer])[] = [
    [{ kind: 'drop', afterBytes: 1000, bytes: 200 }, without(1000, 200)],
    [{ kind: 'duplicate', afterBytes: 10, bytes: 100 }, Buffer.concat([SENT.subarray(0, 110), SENT.subarray(10)])],
    [
      { kind: 'reorder', afterBytes: 0, bytes: 100 },
      Buffer.concat([SENT.subarray(100, 200), SENT.subarray(0, 100), SENT.subarray(200)]),
    ],
    [{ kind: 'half-close', afterBytes: 777 }, SENT.subarray(0, 777)],
    [{ kind: 'flip', atByte: 4000 }, Buffer.from(SENT.map((byte, i) => (i === 4000 ? byte ^ 1 : byte)))],
    [{ kind: 'latency', ms: 2 }, SENT],
    [{ kind: 'trickle', afterBytes: 3000, bytes: 500, everyMs: 1 }, SENT],
    [{ kind: 'reset', afterBytes: 1_000_000 }, SENT],
  ];

  test.for(REARRANGED)('%j, either way', async ([fault, expected]) => {
    expect(await exchange({ up: [fault] })).toEqual({ up: expected, down: SENT });
    expect(await exchange({ down: [fault] })).toEqual({ up: SENT, down: expected });
  });

  test('several faults in one direction, in their order', async () => {
    const up: StreamFault[] = [
      { kind: 'drop', afterBytes: 0, bytes: 1000 },
      { kind: 'half-close', afterBytes: 10 },
    ];
    expect((await exchange({ up })).up).toEqual(SENT.subarray(1000, 1010));
  });

  test('resets both sides', async () => {
    expect(await exchange({ up: [{ kind: 'reset', afterBytes: 100 }] })).toMatchObject({ down: 'broken' });
    expect((await exchange({ down: [{ kind: 'reset', afterBytes: 100 }] })).down).toBe('broken');
    expect((await exchange({ refuse: true })).down).toBe('broken');
  });

  test('truncates in good order', async () => {
    expect((await exchange({ down: [{ kind: 'truncate', afterBytes: 1234 }] })).down).toEqual(SENT.subarray(0, 1234));
  });

  test('stalls until released', async () => {
    await using server = await collector(SENT);
    await using proxy = await startFaultyProxy(server, () => ({ down: [{ kind: 'stall', afterBytes: 50 }] }));
    const client = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true });
    client.end(SENT);
    const [first] = (await once(client, 'data')) as [Buffer];
    expect(first).toEqual(SENT.subarray(0, 50));
    const rest = collect(client);
    expect([proxy.connections, proxy.open, proxy.struck]).toEqual([1, 1, 1]);
    proxy.release();
    expect(await rest).toEqual(SENT.subarray(50));
  });

  test('cuts what is open', async () => {
    await using server = await collector(SENT);
    await using proxy = await startFaultyProxy(server);
    const client = connect(proxy.port, '127.0.0.1');
    client.on('error', () => undefined);
    client.write('x');
    const coming = collect(client);
    await once(client, 'connect');
    while (server.received.length === 0) await new Promise((resolve) => setImmediate(resolve));
    proxy.cut();
    expect(await coming).toBe('broken');
  });

  test('harms the same connections in each run of a seed', () => {
    const plans = (seed: string): unknown[] =>
      Array.from({ length: 50 }, (_, i) => randomLine(seed, { share: 0.5, bytesMax: 1000 })(i));
    expect(plans('a')).toEqual(plans('a'));
    expect(plans('a')).not.toEqual(plans('b'));
    expect(plans('a').filter((plan) => plan === null).length).toBeGreaterThan(10);
    expect(plans('a').filter((plan) => plan !== null).length).toBeGreaterThan(10);
  });
});

async function httpStore(): Promise<Listening & { readonly bodies: string[] }> {
  const bodies: string[] = [];
  const server = createHttp((incoming, outgoing) => {
    const pieces: Buffer[] = [];
    incoming.on('data', (piece: Buffer) => pieces.push(piece));
    incoming.on('end', () => {
      bodies.push(`${incoming.method} ${incoming.url} ${incoming.headers.host} ${Buffer.concat(pieces).toString()}`);
      outgoing.writeHead(200, { 'content-length': '10', etag: '"x"' }).end('0123456789');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    bodies,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** The answer, and what the store was asked. */
async function asked(
  fault: HttpFault | null,
): Promise<{ answer: string; status: number; atStore: string[]; length: string | null }> {
  await using store = await httpStore();
  await using proxy = await startFaultyHttp(store, () => fault);
  const [status, length, answer] = await fetch(`http://127.0.0.1:${proxy.port}/b/o?x=1`, {
    method: 'PUT',
    body: 'hello',
  })
    .then(async (response) => [response.status, response.headers.get('content-length'), await response.text()] as const)
    .catch(() => [0, null, 'broken'] as const);
  const host = `127.0.0.1:${proxy.port}`;
  return { status, length, answer, atStore: store.bodies.map((line) => line.replace(host, 'HOST')) };
}

const REACHED = ['PUT /b/o?x=1 HOST hello'];

describe('an HTTP proxy', () => {
  test('passes everything without a plan, also the name of the host', async () => {
    expect(await asked(null)).toEqual({ status: 200, length: '10', answer: '0123456789', atStore: REACHED });
  });

  test.for(Object.entries(S3_FAULTS))('%s', async ([, fault]) => {
    const { status, answer, atStore } = await asked(fault);
    expect(status).toBe(fault.kind === 'answer' ? fault.status : -1);
    expect(answer).toMatch(/<Code>\w+<\/Code>/);
    expect(atStore).toEqual([]);
  });

  test.for<readonly [HttpFault, Partial<Awaited<ReturnType<typeof asked>>>]>([
    [{ kind: 'lose-request' }, { answer: 'broken', atStore: [] }],
    [{ kind: 'lose-answer' }, { answer: 'broken', atStore: REACHED }],
    [
      { kind: 'answer-after', status: 500 },
      { status: 500, answer: '', atStore: REACHED },
    ],
    [
      { kind: 'cut-body', afterBytes: 4 },
      { answer: 'broken', atStore: REACHED },
    ],
    [
      { kind: 'other-body', bytes: Buffer.from('ab') },
      { status: 200, length: '10', answer: 'ababababab' },
    ],
    [
      { kind: 'short-body', bytes: 3 },
      { status: 200, length: '3', answer: '012' },
    ],
  ])('%j', async ([fault, expected]) => {
    expect(await asked(fault)).toMatchObject(expected);
  });

  test('from halfway on, for some requests', async () => {
    await using store = await httpStore();
    await using proxy = await startFaultyHttp(store, halfway({ kind: 'answer', status: 503 }, 2, 2));
    const statuses: number[] = [];
    for (let i = 0; i < 6; i += 1) {
      const response = await fetch(`http://127.0.0.1:${proxy.port}/${i}`);
      await response.text();
      statuses.push(response.status);
    }
    expect(statuses).toEqual([200, 200, 503, 503, 200, 200]);
    expect(proxy.requests.map(({ path }) => path)).toEqual(['/0', '/1', '/2', '/3', '/4', '/5']);
  });
});
