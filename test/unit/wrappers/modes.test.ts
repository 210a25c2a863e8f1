import { describe, expect, test } from 'vitest';
import type { Backend } from '../../../src/backends/backend.ts';
import { backendError } from '../../../src/backends/backend-error.ts';
import { wrapBackend } from '../../../src/backends/wrappers/compose.ts';
import { dryRun } from '../../../src/backends/wrappers/dry-run.ts';
import { Meter } from '../../../src/backends/wrappers/meter.ts';
import { PassingBackend } from '../../../src/backends/wrappers/passing-backend.ts';
import { readOnly } from '../../../src/backends/wrappers/read-only.ts';
import { rejection } from '../../support/expect-code.ts';
import { FakeTimer } from '../../support/fake-timer.ts';
import { failsBefore, faultyBackend, hangs, inTurn } from '../../support/faulty-backend.ts';
import { LockingMemoryBackend } from '../../support/locking-memory-backend.ts';
import { MemoryBackend } from '../../support/memory-backend.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

async function namesOf(backend: Backend): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of backend.list('')) names.push(name);
  return names.toSorted();
}

describe('read-only', () => {
  test('reads, and refuses all else without asking the store', async () => {
    const memory = new LockingMemoryBackend(new FakeTimer());
    memory.objects.set('a', bytes(1));
    const backend = readOnly(memory, { name: 'nas' });
    expect(await backend.get('a')).toEqual(bytes(1));
    expect(await backend.stat('a')).toEqual({ name: 'a', sizeBytes: 1 });
    expect(await namesOf(backend)).toEqual(['a']);
    const error = await rejection(backend.put('a', bytes(1)), 'backend/denied');
    expect(error.message).toBe('backend nas: put a: opened for reading only');
    expect(error.context).toMatchObject({ backend: 'nas', operation: 'put', object: 'a' });
    await rejection(backend.delete('a'), 'backend/denied');
    await rejection(backend.lock?.('a', 1) ?? Promise.resolve(), 'backend/denied');
    await rejection(backend.put('../a', bytes(1)), 'internal/invariant');
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(backend.delete('a', { signal })).rejects.toBe(signal.reason);
    expect([...memory.objects.keys()]).toEqual(['a']);
    expect(memory.locks.size).toBe(0);
  });
});

describe('a dry run', () => {
  test('counts what it would do, and does nothing', async () => {
    const memory = new MemoryBackend();
    memory.objects.set('old', bytes(1, 2, 3));
    memory.objects.set('kept', bytes(7));
    const backend = dryRun(memory, { name: 'nas' });
    await backend.put('new/1', bytes(1, 2));
    await backend.put('new/2', bytes(3));
    await backend.put('new/2', bytes(3));
    await backend.put('kept', bytes(7));
    await rejection(backend.put('kept', bytes(8)), 'backend/already-exists');
    await rejection(backend.put('new/2', bytes(4)), 'backend/already-exists');
    await backend.delete('old');
    await backend.delete('old');
    await backend.delete('absent');
    expect(backend.plan()).toEqual({ put: { objects: 2, bytes: 3 }, deleted: { objects: 1, bytes: 3 } });
    expect([...memory.objects.keys()]).toEqual(['old', 'kept']);
    expect(await namesOf(backend)).toEqual(['kept', 'new/1', 'new/2']);
    expect(await backend.get('new/1', { range: { offset: 1, length: 1 } })).toEqual(bytes(2));
    await rejection(backend.get('old'), 'backend/not-found');
    expect(await backend.stat('old')).toBe(null);
  });

  test('takes back what it would have written', async () => {
    const backend = dryRun(new MemoryBackend(), { name: 'nas' });
    await backend.put('a', bytes(1, 2));
    await backend.delete('a');
    expect(backend.plan()).toEqual({ put: { objects: 0, bytes: 0 }, deleted: { objects: 0, bytes: 0 } });
    await backend.put('a', bytes(3));
    expect(await backend.get('a')).toEqual(bytes(3));
  });

  test('keeps so many bytes and no more, and says so', async () => {
    const backend = dryRun(new MemoryBackend(), { name: 'nas', keptBytesMax: 10 });
    await backend.put('a', new Uint8Array(8));
    await backend.put('b', new Uint8Array(8).fill(1));
    await backend.put('b', new Uint8Array(8).fill(1));
    await rejection(backend.put('b', new Uint8Array(8)), 'backend/already-exists');
    expect(await backend.stat('b')).toEqual({ name: 'b', sizeBytes: 8 });
    expect((await backend.get('a')).length).toBe(8);
    const error = await rejection(backend.get('b'), 'backend/unavailable');
    expect(error.context['transient']).toBe(false);
    expect(backend.plan().put).toEqual({ objects: 2, bytes: 16 });
  });

  test('with a key that cannot read takes what is there for what it is called', async () => {
    const memory = new MemoryBackend();
    memory.objects.set('there', bytes(1));
    const denied = failsBefore(() => backendError('backend/denied', { backend: 'nas', operation: 'get' }, 'no'));
    const unreadable = faultyBackend(memory, ({ name }) => (name === 'there' ? denied : null));
    const backend = dryRun(unreadable, { name: 'nas' });
    await backend.put('there', bytes(1));
    await backend.put('new', bytes(1));
    expect(backend.plan().put).toEqual({ objects: 1, bytes: 1 });
  });

  test('locks nothing', async () => {
    const memory = new LockingMemoryBackend(new FakeTimer());
    const backend = dryRun(memory, { name: 'nas' });
    await backend.put('a', bytes(1));
    await backend.lock?.('a', 10);
    await rejection(backend.lock?.('b', 10) ?? Promise.resolve(), 'backend/not-found');
    expect(memory.locks.size).toBe(0);
  });
});

describe('locks', () => {
  test('pass through every wrapper, where the store has them', async () => {
    const timer = new FakeTimer();
    const memory = new LockingMemoryBackend(timer);
    const random = seededRandom('locks');
    const backend = wrapBackend(memory, { name: 'b2', timer, random });
    expect(backend.traits.objectLock).toBe(true);
    await backend.put('a', bytes(1), { lockedUntil: timer.now() + 1000 });
    await backend.lock?.('a', timer.now() + 5000);
    await rejection(backend.delete('a'), 'backend/locked');
    await timer.advance(6000);
    await backend.delete('a');
    expect(new PassingBackend(new MemoryBackend()).lock).toBe(undefined);
  });
});

describe('all wrappers together', () => {
  const base = { name: 'b2', random: seededRandom('compose') };

  test('time, meter and retry each try, within one slot', async () => {
    const timer = new FakeTimer();
    const meter = new Meter(timer);
    const plan = inTurn(hangs(new Promise(() => {})), failsBefore(), null);
    const backend = wrapBackend(faultyBackend(new MemoryBackend(), plan), { ...base, timer, meter });
    await timer.until(backend.put('a', bytes(1)));
    expect(meter.snapshot().operations.put).toMatchObject({ calls: 3, errors: 2, bytesUp: 3 });
    expect(timer.elapsed()).toBeGreaterThanOrEqual(17_000);
    expect(timer.pending).toBe(0);
  });

  test('waiting for a turn counts against no timeout', async () => {
    const timer = new FakeTimer();
    const slow = faultyBackend(new MemoryBackend(), () => ({
      before: () => new Promise<void>((resolve) => void timer.after(10_000, resolve)),
    }));
    const traits = { ...slow.traits, maxConcurrency: 1 };
    const backend = wrapBackend(Object.defineProperty(slow, 'traits', { value: traits }), { ...base, timer });
    await timer.until(Promise.all(['a', 'b', 'c', 'd'].map((name) => backend.stat(name))));
    expect(timer.elapsed()).toBe(40_000);
  });

  test('as a dry run or read-only, nothing reaches the store', async () => {
    const memory = new MemoryBackend();
    await wrapBackend(memory, { ...base, mode: 'dry-run' }).put('a', bytes(1));
    await rejection(wrapBackend(memory, { ...base, mode: 'read-only' }).put('a', bytes(1)), 'backend/denied');
    expect(memory.objects.size).toBe(0);
  });

  test('without timeout and retry, a call is made once and as long as it takes', async () => {
    const timer = new FakeTimer();
    const faulty = faultyBackend(
      new MemoryBackend(),
      inTurn({ before: () => new Promise<void>((resolve) => void timer.after(1e9, resolve)) }, failsBefore()),
    );
    const backend = wrapBackend(faulty, { ...base, timer, timeout: null, retry: null });
    await timer.until(backend.put('a', bytes(1)));
    await rejection(backend.put('b', bytes(1)), 'backend/unavailable');
  });

  test('disposing of the outermost disposes of the store', async () => {
    let disposed = 0;
    const memory = Object.assign(new MemoryBackend(), { [Symbol.asyncDispose]: async () => void (disposed += 1) });
    await wrapBackend(memory, { ...base, mode: 'read-only' })[Symbol.asyncDispose]();
    expect(disposed).toBe(1);
  });
});
