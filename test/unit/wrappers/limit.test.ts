import { describe, expect, test } from 'vitest';
import { Limits, limitRates } from '../../../src/backends/wrappers/limit.ts';
import { TokenBucket } from '../../../src/backends/wrappers/token-bucket.ts';
import type { LimitRates } from '../../../src/backends/wrappers/limit.ts';
import { rejection } from '../../support/expect-code.ts';
import { FakeTimer, turn } from '../../support/fake-timer.ts';
import { hookedBackend } from '../../support/hooked-backend.ts';
import { failsBefore, faultyBackend } from '../../support/faulty-backend.ts';
import { MemoryBackend } from '../../support/memory-backend.ts';

const KB = 1000;

function fixture(rates: Partial<LimitRates>) {
  const timer = new FakeTimer();
  const memory = new MemoryBackend();
  const limits = new Limits(timer, rates);
  /** Names of calls with the seconds at which the store got them. */
  const begun: string[] = [];
  const noted = hookedBackend(memory, {
    before: ({ name }) => void begun.push(`${name} ${Math.round(timer.elapsed() / 100) / 10}`),
  });
  return { timer, memory, limits, begun, backend: limitRates(noted, limits) };
}

describe('uploads', () => {
  test('begin no faster than the limit, in order', async () => {
    const { timer, backend, begun } = fixture({ uploadBytes: 100 * KB });
    const puts = ['a', 'b', 'c', 'd'].map((name) => backend.put(name, new Uint8Array(100 * KB)));
    await timer.until(Promise.all(puts));
    expect(begun).toEqual(['a 0', 'b 1', 'c 2', 'd 3']);
  });

  test('larger than a second are paid for afterwards', async () => {
    const { timer, backend, begun } = fixture({ uploadBytes: 100 * KB });
    const puts = [400 * KB, 100 * KB].map((size) => backend.put(`${size}`, new Uint8Array(size)));
    await timer.until(Promise.all(puts));
    expect(begun).toEqual(['400000 0', '100000 4']);
  });

  test('catch up with a second at most after a pause', async () => {
    const { timer, backend, begun } = fixture({ uploadBytes: 100 * KB });
    await timer.advance(60_000);
    const puts = ['a', 'b', 'c'].map((name) => backend.put(name, new Uint8Array(50 * KB)));
    await timer.until(Promise.all(puts));
    expect(begun).toEqual(['a 60', 'b 60', 'c 60.5']);
  });

  test('do not count against downloads', async () => {
    const { timer, backend, memory } = fixture({ uploadBytes: 1 });
    memory.objects.set('a', new Uint8Array(5000));
    await timer.until(backend.get('a'));
    expect(timer.elapsed()).toBe(0);
  });
});

describe('downloads', () => {
  test('of ranges begin no faster than the limit', async () => {
    const { timer, backend, memory, begun } = fixture({ downloadBytes: 10 * KB });
    memory.objects.set('a', new Uint8Array(50 * KB));
    const gets = [1, 2, 3].map((i) => backend.get('a', { range: { offset: i, length: 10 * KB } }));
    await timer.until(Promise.all(gets));
    expect(begun).toEqual(['a 0', 'a 1', 'a 2']);
  });

  test('of whole objects cost what came, in the end', async () => {
    const { timer, backend, memory, begun } = fixture({ downloadBytes: 100 * KB });
    memory.objects.set('a', new Uint8Array(250 * KB));
    await timer.until(backend.get('a'));
    await timer.until(backend.get('a'));
    expect(begun).toEqual(['a 0', 'a 2.5']);
  });

  test('that are answered without a body cost nothing, those that broke do', async () => {
    const { timer, backend } = fixture({ downloadBytes: KB });
    for (let i = 0; i < 5; i += 1) await rejection(timer.until(backend.get('absent')), 'backend/not-found');
    expect(timer.elapsed()).toBe(0);
    const limits = new Limits(timer, { downloadBytes: KB });
    const broken = limitRates(
      faultyBackend(new MemoryBackend(), () => failsBefore()),
      limits,
    );
    const range = { offset: 0, length: 5 * KB };
    for (let i = 0; i < 2; i += 1) await rejection(timer.until(broken.get('a', { range })), 'backend/unavailable');
    expect(timer.elapsed()).toBe(5000);
  });
});

describe('operations', () => {
  test('begin no faster than the limit, listings by the thousand', async () => {
    const { timer, backend, memory } = fixture({ operations: 1 });
    for (let i = 0; i < 2500; i += 1) memory.objects.set(`a/${i}`, new Uint8Array(0));
    const count = async (): Promise<number> => {
      let found = 0;
      for await (const _ of backend.list('')) found += 1;
      return found;
    };
    expect(await timer.until(count())).toBe(2500);
    expect(timer.elapsed()).toBe(2000);
    await timer.until(backend.stat('a/1'));
    expect(timer.elapsed()).toBe(3000);
  });

  test('one in ten seconds', async () => {
    const { timer, backend, begun } = fixture({ operations: 0.1 });
    await timer.until(Promise.all([backend.stat('a'), backend.stat('b'), backend.stat('c')]));
    expect(begun).toEqual(['a 0', 'b 10', 'c 20']);
  });
});

describe('a limit that changes', () => {
  test('holds at once for those who wait', async () => {
    const { timer, backend, limits } = fixture({ uploadBytes: KB });
    const puts = Promise.all(['a', 'b'].map((name) => backend.put(name, new Uint8Array(100 * KB))));
    await timer.advance(1000);
    limits.change({ uploadBytes: 99 * KB });
    expect(limits.rates).toEqual({ uploadBytes: 99 * KB, downloadBytes: null, operations: null });
    await timer.until(puts);
    expect(timer.elapsed()).toBeGreaterThan(2000);
    expect(timer.elapsed()).toBeLessThan(3100);
  });

  test('taken away lets all pass', async () => {
    const { timer, backend, limits } = fixture({ uploadBytes: 1 });
    const puts = Promise.all(['a', 'b', 'c'].map((name) => backend.put(name, new Uint8Array(KB))));
    await turn();
    limits.change({ uploadBytes: null });
    await puts;
    expect(timer.elapsed()).toBe(0);
    expect(timer.pending).toBe(0);
  });

  test.for([0, -1, NaN, Infinity])('to %d is refused', (rate) => {
    expect(() => new TokenBucket(new FakeTimer(), rate)).toThrow('not a rate');
    expect(() => (new TokenBucket(new FakeTimer(), 1).rate = rate)).toThrow('not a rate');
  });
});

describe('an abort', () => {
  test('while waiting takes nothing and lets the next one through', async () => {
    const { timer, backend, begun } = fixture({ uploadBytes: 100 * KB, operations: 2 });
    const controller = new AbortController();
    const reason = new Error('enough');
    await backend.put('a', new Uint8Array(100 * KB));
    const large = backend.put('b', new Uint8Array(900 * KB), { signal: controller.signal });
    await turn();
    const small = backend.put('c', new Uint8Array(50 * KB));
    controller.abort(reason);
    await expect(large).rejects.toBe(reason);
    await timer.until(small);
    expect(begun).toEqual(['a 0', 'c 0.5']);
    expect(timer.pending).toBe(0);
  });
});
