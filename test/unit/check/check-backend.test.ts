import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Backend, ObjectInfo } from '../../../src/backends/backend.ts';
import { backendError } from '../../../src/backends/backend-error.ts';
import { checkBackend } from '../../../src/backends/check/check-backend.ts';
import type { CheckOptions } from '../../../src/backends/check/check-backend.ts';
import type { CheckResult } from '../../../src/backends/check/check.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { openDirectory } from '../../../src/backends/directory/directory.ts';
import { isObjectName } from '../../../src/backends/object-name.ts';
import type { BackendCall } from '../../../src/backends/wrappers/passing-backend.ts';
import { PassingBackend } from '../../../src/backends/wrappers/passing-backend.ts';
import { FakeTimer } from '../../support/fake-timer.ts';
import type { Fault } from '../../support/faulty-backend.ts';
import {
  failsAfter,
  failsBefore,
  faultyBackend,
  flippedBit,
  listsTwice,
  lost,
  omits,
  otherBytes,
  shortRead,
  staleListing,
} from '../../support/faulty-backend.ts';
import { LockingMemoryBackend } from '../../support/locking-memory-backend.ts';
import { MemoryBackend } from '../../support/memory-backend.ts';
import { seededStream } from '../../support/seeded-random.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const ALL = [
  'connection', 'write', 'read back', 'ranges', 'absent objects', 'list after write', 'overwrite', 'delete',
  'concurrency', 'consistency', 'large object', 'object lock', 'speed', 'clean up',
]; // prettier-ignore

interface Options extends Partial<CheckOptions> {
  readonly timer?: FakeTimer;
}

/** In real time, for a store on a real disk. */
async function checkInRealTime(backend: Backend): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  const options = { random: seededStream('check'), clock: systemClock };
  for await (const result of checkBackend(backend, options)) results.push(result);
  return results;
}

async function check(backend: Backend, options: Options = {}): Promise<CheckResult[]> {
  const timer = options.timer ?? new FakeTimer();
  const results: CheckResult[] = [];
  const run = async (): Promise<void> => {
    const random = seededStream('check');
    for await (const result of checkBackend(backend, { random, clock: timer, ...options, timer })) results.push(result);
  };
  await timer.until(run());
  return results;
}

const statuses = (results: readonly CheckResult[]): Record<string, string> =>
  Object.fromEntries(results.map(({ check: name, status }) => [name, status]));

const brokenIn = (results: readonly CheckResult[]): string[] =>
  results.filter(({ status }) => status === 'failed').map(({ check: name }) => name);

const allPassed = Object.fromEntries(ALL.map((name) => [name, 'passed']));

describe('the check of a backend', () => {
  test('deletes what a check that was killed has left the day before, and nothing of one under way', async () => {
    const memory = new MemoryBackend();
    const timer = new FakeTimer();
    const now = Date.UTC(2026, 0, 2);
    const clock = { now: () => now };
    const ofCheck = (startedAt: number): string =>
      `valence-check/${startedAt.toString(16).padStart(12, '0')}-0123456789abcdef/one`;
    const hour = 3_600_000;
    const kept = [ofCheck(now - 23 * hour), 'valence-check/readme', 'valence.json'];
    for (const name of [...kept, ofCheck(now - 25 * hour)]) memory.objects.set(name, Uint8Array.of(1));
    const results = await check(memory, { clock, timer });
    expect(results.at(-1)!.detail).toBe('nothing is left behind, and 1 object of checks that were killed are gone');
    expect([...memory.objects.keys()].toSorted()).toEqual(kept.toSorted());
  });

  test('passes on a store that keeps the contract, and leaves nothing behind', async () => {
    const memory = new MemoryBackend();
    memory.objects.set('valence.json', Uint8Array.of(1));
    const results = await check(memory);
    expect(results.at(-1)!.detail).toBe('nothing is left behind');
    expect(results.map((result) => result.check)).toEqual(ALL);
    expect(statuses(results)).toEqual({ ...allPassed, 'object lock': 'not-applicable' });
    expect([...memory.objects.keys()]).toEqual(['valence.json']);
    for (const { detail, milliseconds } of results) {
      expect(detail).not.toBe('');
      expect(milliseconds).toBeGreaterThanOrEqual(0);
    }
  });

  test('passes on a directory', async () => {
    await using folder = await temporaryFolder();
    const backend = await openDirectory({ root: join(folder.path, 'd'), name: 'd', mustExist: false });
    const results = await checkInRealTime(backend);
    expect(statuses(results)).toEqual({ ...allPassed, 'object lock': 'not-applicable' });
    const left: ObjectInfo[] = [];
    for await (const object of backend.list('')) left.push(object);
    expect(left).toEqual([]);
  });

  test('waits until its lock is over, and leaves nothing behind', async () => {
    const timer = new FakeTimer();
    const memory = new LockingMemoryBackend(timer);
    const results = await check(memory, { timer });
    expect(statuses(results)).toEqual(allPassed);
    expect(memory.objects.size).toBe(0);
    expect(timer.elapsed()).toBeLessThan(10_000);
    expect(timer.pending).toBe(0);
  });

  test('uses only names that readers pass over, and another place each time', async () => {
    const names = new Set<string>();
    const noted = faultyBackend(new MemoryBackend(), ({ operation, name }) => {
      if (operation === 'put') names.add(name);
      return null;
    });
    await check(noted);
    const [first] = names;
    await check(noted, { random: seededStream('another') });
    for (const name of names) expect(name).toMatch(/^valence-check\/[0-9a-f]{12}-[0-9a-f]{16}\//);
    expect([...names].every(isObjectName)).toBe(true);
    expect(new Set([...names].map((name) => name.split('/')[1])).size).toBe(2);
    expect(first).toBeDefined();
  });

  test('tells what it does', async () => {
    const stages: string[] = [];
    await check(new MemoryBackend(), {
      progress: ({ stage, done, total }) => stages.push(`${stage} ${done}/${total}`),
    });
    expect(stages[0]).toBe('checking connection 0/13');
    expect(stages.at(-1)).toBe('cleaning up 13/13');
  });
});

/** The store replaces what is there. */
class OverwritingBackend extends MemoryBackend {
  override async put(name: string, body: Uint8Array): Promise<void> {
    this.objects.set(name, Uint8Array.from(body));
  }
}

/** Refuses other content, and stores it all the same. */
class HypocriticalBackend extends MemoryBackend {
  override async put(name: string, body: Uint8Array): Promise<void> {
    try {
      await super.put(name, body);
    } finally {
      this.objects.set(name, Uint8Array.from(body));
    }
  }
}

/** Gives the whole object for any range. */
class WholeBackend extends MemoryBackend {
  override get(name: string): Promise<Uint8Array> {
    return super.get(name);
  }
}

/** Gives what there is of a range that ends after the object, as HTTP does. */
class LenientBackend extends MemoryBackend {
  override async get(name: string, options: Parameters<MemoryBackend['get']>[1] = {}): Promise<Uint8Array> {
    const whole = await super.get(name);
    const { offset, length } = options.range ?? { offset: 0, length: whole.length };
    return whole.slice(offset, offset + length);
  }
}

/** Stores no more than 1 MiB of an object. */
class TruncatingBackend extends MemoryBackend {
  override put(name: string, body: Uint8Array): Promise<void> {
    return super.put(name, body.subarray(0, 1024 * 1024));
  }
}

/** Takes a lock and does not hold to it. */
class UnlockedBackend extends LockingMemoryBackend {
  override async delete(name: string): Promise<void> {
    this.locks.delete(name);
    await super.delete(name);
  }
}

/** Keeps only one of several objects that are put at the same time. */
class ForgetfulBackend extends MemoryBackend {
  #underWay = 0;

  override async put(name: string, body: Uint8Array): Promise<void> {
    this.#underWay += 1;
    try {
      await Promise.resolve();
      if (this.#underWay === 1 || name.endsWith('contested')) await super.put(name, body);
    } finally {
      this.#underWay -= 1;
    }
  }
}

const on =
  (operation: BackendCall['operation'], fault: Fault, part = '') =>
  (inner: Backend): Backend =>
    faultyBackend(inner, (call) => (call.operation === operation && call.name.includes(part) ? fault : null));

/** Lists what was there when the backend was opened. */
const frozen = (inner: Backend): Backend => on('list', staleListing([]))(inner);

describe('the check finds', () => {
  const memory = (): MemoryBackend => new MemoryBackend();
  const FAULTS: readonly (readonly [string, () => Backend, readonly string[]])[] = [
    ['a store that overwrites', () => new OverwritingBackend(), ['overwrite', 'concurrency']],
    ['a store that refuses and overwrites', () => new HypocriticalBackend(), ['overwrite', 'concurrency']],
    ['a store that ignores ranges', () => new WholeBackend(), ['ranges', 'large object']],
    ['a store that shortens ranges', () => new LenientBackend(), ['ranges']],
    ['a store that truncates', () => new TruncatingBackend(), ['large object']],
    ['a store that forgets under load', () => new ForgetfulBackend(), ['concurrency']],
    ['a lock that does not hold', () => new UnlockedBackend(new FakeTimer()), ['object lock']],
    ['lost deletes', () => on('delete', lost)(memory()), ['delete', 'consistency', 'clean up']],
    ['lost writes', () => on('put', lost, '/round/')(memory()), ['consistency']],
    ['stale listings', () => frozen(memory()), ['list after write', 'concurrency', 'consistency']],
    ['listings that omit one', () => on('list', omits(({ name }) => name.endsWith('/4096')))(memory()), ['list after write']],
    ['listings that name one twice', () => on('list', listsTwice)(memory()), ['list after write', 'concurrency']],
    ['reads that are short', () => on('get', shortRead())(memory()), ['read back', 'ranges', 'concurrency', 'large object']],
    ['reads with a wrong bit', () => on('get', flippedBit(50_000), 'large')(memory()), ['large object']],
    ['another object’s bytes', () => on('get', otherBytes(Uint8Array.of(7)), 'parallel')(memory()), ['concurrency']],
    ['an error that is not translated', () => on('get', failsBefore(() => new TypeError('fetch failed')), 'never')(memory()), ['absent objects']],
    ['a store that is away for a while', () => on('stat', failsBefore())(memory()), ['read back', 'absent objects']],
    ['a put whose answer is lost', () => on('put', failsAfter(), 'round/3')(memory()), ['consistency']],
  ]; // prettier-ignore

  test.for(FAULTS)('%s', async ([, make, expected]) => {
    const results = await check(make());
    expect(brokenIn(results)).toEqual(expect.arrayContaining([...expected]));
    const isUnharmed = (name: string): boolean => !brokenIn(results).includes(name);
    expect(isUnharmed('connection') && isUnharmed('speed')).toBe(true);
    for (const { status, detail } of results) if (status === 'failed') expect(detail.length).toBeGreaterThan(10);
  });

  test('what is broken in words that name it', async () => {
    const overwritten = await check(new OverwritingBackend());
    expect(overwritten.find((result) => result.check === 'overwrite')?.detail).toBe(
      'a put of other content of the same size over an object succeeds instead of rejecting backend/already-exists',
    );
    const truncated = await check(new TruncatingBackend());
    expect(truncated.find((result) => result.check === 'large object')?.detail).toBe(
      'after its put, large has 1048576 bytes instead of 5242880',
    );
  });
});

const denied = (call: BackendCall): Error =>
  backendError('backend/denied', { backend: 'b2', operation: call.operation, object: call.name }, 'not with this key');

describe('a key', () => {
  test('that may not read is warned of, and the rest is checked by listing', async () => {
    const memory = new MemoryBackend();
    const backend = faultyBackend(memory, ({ operation, name }) =>
      (operation === 'get' || operation === 'stat') && memory.objects.has(name) ? failsBefore(denied) : null,
    );
    const results = await check(backend);
    expect(statuses(results)).toEqual({
      ...allPassed,
      'read back': 'warned',
      ranges: 'not-applicable',
      'absent objects': 'not-applicable',
      'object lock': 'not-applicable',
    });
    expect(memory.objects.size).toBe(0);
  });

  test('that may not delete is warned of, and what is left is said', async () => {
    const memory = new MemoryBackend();
    const results = await check(on('delete', failsBefore(denied))(memory));
    expect(statuses(results)).toMatchObject({ delete: 'warned', consistency: 'passed', 'clean up': 'warned' });
    expect(brokenIn(results)).toEqual([]);
    const { detail, hint } = results.at(-1) ?? { detail: '' };
    expect(detail).toMatch(
      new RegExp(`^left under valence-check/[0-9a-f]{12}-[0-9a-f]{16}/: ${memory.objects.size} objects; `),
    );
    expect(hint).toContain('valence-check/');
  });

  test('that may not write ends the check', async () => {
    const results = await check(on('put', failsBefore(denied))(new MemoryBackend()));
    expect(statuses(results)).toEqual({ connection: 'passed', write: 'failed', 'clean up': 'passed' });
    expect(results[1]?.detail).toMatch(/^backend b2: put valence-check\/.*: not with this key$/);
  });

  test('that is good for nothing ends it at once', async () => {
    const results = await check(faultyBackend(new MemoryBackend(), () => failsBefore(denied)));
    expect(statuses(results)).toMatchObject({ connection: 'failed' });
    expect(results.length).toBe(2);
  });
});

describe('an aborted check', () => {
  test.for([1, 2, 5, 10, 20, 30, 50, 80, 120, 160])('at call %i cleans up and says why', async (calls) => {
    const memory = new MemoryBackend();
    const controller = new AbortController();
    const reason = new Error('enough');
    let made = 0;
    const backend = faultyBackend(memory, () => ({
      after: () => {
        if ((made += 1) === calls) controller.abort(reason);
      },
    }));
    const results: CheckResult[] = [];
    const run = async (): Promise<void> => {
      const options = { random: seededStream('x'), clock: new FakeTimer(), signal: controller.signal };
      for await (const result of checkBackend(backend, options)) results.push(result);
    };
    await expect(run()).rejects.toBe(reason);
    expect(results.at(-1)).toMatchObject({ check: 'clean up', status: 'passed' });
    expect(brokenIn(results)).toEqual([]);
    expect(memory.objects.size).toBe(0);
  });

  test('waits for the end of its own lock', async () => {
    const timer = new FakeTimer();
    const memory = new LockingMemoryBackend(timer);
    const controller = new AbortController();
    const backend = faultyBackend(memory, ({ operation }) =>
      operation === 'lock' ? { after: () => controller.abort(new Error('enough')) } : null,
    );
    const results: CheckResult[] = [];
    const run = async (): Promise<void> => {
      const options = { random: seededStream('x'), clock: timer, timer, signal: controller.signal };
      for await (const result of checkBackend(backend, options)) results.push(result);
    };
    await expect(timer.until(run())).rejects.toThrow('enough');
    expect(results.at(-1)).toMatchObject({ check: 'clean up', status: 'passed' });
    expect(memory.objects.size).toBe(0);
    expect(timer.pending).toBe(0);
  });

  test('that is left early cleans up too', async () => {
    const memory = new MemoryBackend();
    const options = { random: seededStream('x'), clock: new FakeTimer() };
    for await (const { check: name } of checkBackend(memory, options)) {
      if (name !== 'concurrency') continue;
      expect(memory.objects.size).toBeGreaterThan(0);
      break;
    }
    expect(memory.objects.size).toBe(0);
  });

  test('a store that hangs while cleaning up is left after a minute', async () => {
    const timer = new FakeTimer();
    const memory = new MemoryBackend();
    class Hanging extends PassingBackend {
      override delete(_: string, options?: { readonly signal?: AbortSignal | undefined }): Promise<void> {
        return new Promise((_resolve, reject) => {
          const stop = (): void => reject(options?.signal?.reason as Error);
          if (options?.signal?.aborted === true) stop();
          options?.signal?.addEventListener('abort', stop, { once: true });
        });
      }
    }
    const controller = new AbortController();
    const options = { random: seededStream('x'), clock: timer, timer, signal: controller.signal };
    const results: CheckResult[] = [];
    const run = async (): Promise<void> => {
      for await (const result of checkBackend(new Hanging(memory), options)) {
        results.push(result);
        if (result.check === 'overwrite') controller.abort(new Error('enough'));
      }
    };
    await expect(timer.until(run())).rejects.toThrow('enough');
    expect(timer.elapsed()).toBe(60_000);
    expect(results.at(-1)).toMatchObject({ check: 'clean up', status: 'failed' });
  });
});
