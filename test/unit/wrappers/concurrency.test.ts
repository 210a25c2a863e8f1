import { describe, expect, test } from 'vitest';
import { limitConcurrency } from '../../../src/backends/wrappers/concurrency.ts';
import { Slots } from '../../../src/backends/wrappers/slots.ts';
import { turn } from '../../support/fake-timer.ts';
import { faultyBackend } from '../../support/faulty-backend.ts';
import { hookedBackend } from '../../support/hooked-backend.ts';
import { MemoryBackend } from '../../support/memory-backend.ts';

/** Calls that end when the test says so. */
function fixture(slots: Slots) {
  const memory = new MemoryBackend();
  const waiting: { name: string; end: () => void }[] = [];
  const before = ({ name, operation }: { name: string; operation: string }): Promise<void> | undefined =>
    operation === 'list' ? undefined : new Promise((end) => waiting.push({ name, end }));
  return { memory, waiting, backend: limitConcurrency(hookedBackend(memory, { before }), slots) };
}

describe('concurrency', () => {
  test('at most so many calls are under way, and the first come is the first served', async () => {
    const { backend, waiting } = fixture(new Slots(2));
    const calls = ['a', 'b', 'c', 'd'].map((name) => backend.stat(name));
    const order: string[] = [];
    for (let i = 0; i < 4; i += 1) {
      await turn();
      expect(waiting.length).toBe(Math.min(2, 4 - i));
      const next = waiting.shift();
      order.push(next?.name ?? '');
      next?.end();
    }
    await Promise.all(calls);
    expect(order).toEqual(['a', 'b', 'c', 'd']);
  });

  test('holds for several backends that share the slots', async () => {
    const slots = new Slots(1);
    const [one, two] = [fixture(slots), fixture(slots)];
    const calls = [one.backend.stat('a'), two.backend.stat('b')];
    await turn();
    expect([one.waiting.length, two.waiting.length]).toEqual([1, 0]);
    one.waiting[0]?.end();
    await turn();
    two.waiting[0]?.end();
    await Promise.all(calls);
  });

  test('an abort while waiting gives up the place in the queue', async () => {
    const { backend, waiting } = fixture(new Slots(1));
    const controller = new AbortController();
    const reason = new Error('enough');
    const first = backend.stat('a');
    const second = backend.stat('b', { signal: controller.signal });
    const third = backend.stat('c');
    await turn();
    controller.abort(reason);
    await expect(second).rejects.toBe(reason);
    waiting.shift()?.end();
    await first;
    await turn();
    expect(waiting.map(({ name }) => name)).toEqual(['c']);
    waiting.shift()?.end();
    await third;
    const fourth = backend.stat('d');
    await turn();
    waiting.shift()?.end();
    await fourth;
  });

  test('a call that fails leaves its slot', async () => {
    const backend = limitConcurrency(new MemoryBackend(), new Slots(1));
    for (let i = 0; i < 3; i += 1) await expect(backend.get('a')).rejects.toMatchObject({ code: 'backend/not-found' });
  });

  test('a listing holds no slot while its consumer works', async () => {
    const memory = new MemoryBackend();
    for (const name of ['a', 'b', 'c']) memory.objects.set(name, Uint8Array.of(1));
    const backend = limitConcurrency(memory, new Slots(1));
    const found: number[] = [];
    for await (const { name } of backend.list('')) found.push((await backend.get(name)).length);
    expect(found).toEqual([1, 1, 1]);
    for await (const _ of backend.list('')) break;
    expect(await backend.stat('a')).not.toBe(null);
  });

  test('a listing that is left early ends that of the store before it ends', async () => {
    let ended = 0;
    const memory = new MemoryBackend();
    for (const name of ['a', 'b', 'c']) memory.objects.set(name, Uint8Array.of(1));
    const noted = faultyBackend(memory, () => ({
      async *objects(objects) {
        try {
          yield* objects;
        } finally {
          ended += 1;
        }
      },
    }));
    for await (const _ of limitConcurrency(noted, new Slots(1)).list('')) break;
    expect(ended).toBe(1);
  });

  test('is a trait', () => {
    expect(limitConcurrency(new MemoryBackend(), new Slots(3)).traits.maxConcurrency).toBe(3);
    expect(limitConcurrency(new MemoryBackend(), new Slots(1000)).traits.maxConcurrency).toBe(64);
  });
});
