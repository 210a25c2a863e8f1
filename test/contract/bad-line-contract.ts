import { describe, expect, test } from 'vitest';
import type { Backend } from '../../src/backends/backend.ts';
import { wrapBackend } from '../../src/backends/wrappers/compose.ts';
import { isValenceError } from '../../src/core/errors.ts';
import { sha256 } from '../../src/format/shard/name.ts';
import { readWholeObject } from '../../src/vault/read-object.ts';
import { seededRandom, seededStream } from '../support/seeded-random.ts';
import type { ProxyTarget, StreamFault } from '../support/servers/faulty-proxy.ts';
import { startFaultyProxy } from '../support/servers/faulty-proxy.ts';
import { randomLine } from '../support/servers/random-lines.ts';

/** A store on a real server, which the test disposes of. */
export interface ReachableStore extends AsyncDisposable {
  readonly server: ProxyTarget;
  /** The backend without wrappers, by way of this port of 127.0.0.1: the server's own, or that of a proxy before it. */
  readonly open: (port: number) => Promise<Backend>;
}

/** What happens to connections of TCP, which has checksums and an order. */
export const LINE_FAULTS: readonly StreamFault['kind'][] = [
  'reset', 'stall', 'half-close', 'truncate', 'trickle', 'latency',
]; // prettier-ignore
/** What a tampering or broken box between may do besides: the protocol or the reader must notice. */
export const TAMPERING_FAULTS: readonly StreamFault['kind'][] = ['drop', 'duplicate', 'reorder', 'flip'];

const OBJECTS = 12;
const SHARE = 0.4;

/**
 * What a backend promises on a line that harms some of its connections: no wrong byte is accepted, no acknowledged put is
 * lost, every call ends in bounded time, every rejection names backend and operation.
 */
export function describeBadLine(
  subject: string,
  start: () => Promise<ReachableStore>,
  kinds: readonly StreamFault['kind'][] = LINE_FAULTS,
): void {
  describe(`${subject} on a bad line`, () => {
    test.for(kinds)('%s', async (kind) => {
      await using store = await start();
      await using proxy = await startFaultyProxy(store.server);
      await using backend = behindShortTimeouts(await store.open(proxy.port));
      await using direct = await store.open(store.server.port);
      const seed = `${subject} ${kind}`;
      const certain = randomLine(seed, { share: 1, bytesMax: 300, kinds: [kind] });
      const sometimes = randomLine(seed, { share: SHARE, bytesMax: 50_000, kinds: [kind] });
      const first = proxy.connections;
      proxy.plan = (connection) => (connection === first ? certain : sometimes)(connection);
      // Connections made before are not harmed.
      proxy.cut();
      await exercise(backend, direct);
      expect(proxy.struck).toBeGreaterThan(0);
    });
  });
}

function behindShortTimeouts(inner: Backend): Backend {
  return wrapBackend(inner, {
    name: 'bad-line',
    random: seededRandom('bad line'),
    timeout: { baseMs: 1500, bytesPerSecond: 1_000_000, graceMs: 500 },
    retry: { triesMax: 5, firstDelayMs: 5, delayMsMax: 50 },
  });
}

async function exercise(backend: Backend, direct: Backend): Promise<void> {
  const random = seededStream('bad line');
  const objects = Array.from({ length: OBJECTS }, (_, i) => {
    const body = random.bytes(1 + i * i * 1500);
    return { name: `index/${Buffer.from(sha256(body)).toString('hex')}`, body };
  });
  const puts = await Promise.allSettled(objects.map(({ name, body }) => backend.put(name, body)));
  for (const [i, put] of puts.entries()) {
    const { name, body } = objects[i]!;
    if (put.status === 'rejected') mustBeNamed(put.reason, 'put');
    else expect(Buffer.compare(await direct.get(name), body)).toBe(0);
    await direct.put(name, body);
  }
  for (const { name, body } of objects) {
    const { bytes } = await readWholeObject([backend, direct], name, sha256(body));
    expect(bytes !== null && Buffer.compare(bytes, body) === 0).toBe(true);
    await backend.stat(name).catch((error: unknown) => mustBeNamed(error, 'stat'));
  }
  await listOnce(backend).catch((error: unknown) => mustBeNamed(error, 'list'));
  const { name } = objects[0]!;
  const isDeleted = await backend.delete(name).then(
    () => true,
    (error: unknown) => mustBeNamed(error, 'delete'),
  );
  if (isDeleted) expect(await direct.stat(name)).toBe(null);
}

async function listOnce(backend: Backend): Promise<void> {
  const names: string[] = [];
  for await (const { name } of backend.list('')) names.push(name);
  expect(new Set(names).size).toBe(names.length);
}

/** @throws the error itself unless it is one of a backend's */
function mustBeNamed(error: unknown, operation: string): false {
  if (!isValenceError(error) || !error.code.startsWith('backend/')) throw error;
  expect(error.context['operation']).toBe(operation);
  expect(error.context['backend']).toEqual(expect.any(String));
  return false;
}
