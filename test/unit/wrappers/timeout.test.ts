import { describe, expect, test } from 'vitest';
import type { Backend } from '../../../src/backends/backend.ts';
import { isTransient } from '../../../src/backends/backend-error.ts';
import { limitTime } from '../../../src/backends/wrappers/timeout.ts';
import { rejection } from '../../support/expect-code.ts';
import { FakeTimer } from '../../support/fake-timer.ts';
import type { FaultPlan } from '../../support/faulty-backend.ts';
import { faultyBackend, hangs, stalls } from '../../support/faulty-backend.ts';
import { MemoryBackend } from '../../support/memory-backend.ts';

const never = new Promise<never>(() => {});

function fixture(plan: FaultPlan) {
  const timer = new FakeTimer();
  const memory = new MemoryBackend();
  const backend = limitTime(faultyBackend(memory, plan), { name: 'b2', timer });
  return { timer, memory, backend };
}

async function count(backend: Backend, signal?: AbortSignal): Promise<number> {
  let found = 0;
  for await (const _ of backend.list('', { signal })) found += 1;
  return found;
}

describe.for([
  ['heeds its signal', 0, stalls],
  ['ignores its signal', 2000, hangs],
] as const)('a store that stalls and %s', ([, grace, fault]) => {
  test('is given up, and what was waited for is said', async () => {
    const { timer, backend, memory } = fixture(() => fault(never));
    const error = await rejection(timer.until(backend.put('a', new Uint8Array(1_500_000))), 'backend/unavailable');
    expect(error.message).toBe('backend b2: put a: no answer within 25 s');
    expect(error.context).toMatchObject({ backend: 'b2', operation: 'put', object: 'a', waitedMs: 25_000 });
    expect(isTransient(error)).toBe(true);
    expect(timer.elapsed()).toBe(25_000 + grace);
    expect(timer.pending).toBe(0);
    expect(memory.objects.size).toBe(0);
  });

  test('when the caller aborts', async () => {
    const { timer, backend } = fixture(() => fault(never));
    const controller = new AbortController();
    const reason = new Error('enough');
    const call = backend.get('a', { signal: controller.signal });
    await timer.advance(1000);
    controller.abort(reason);
    await expect(timer.until(call)).rejects.toBe(reason);
    expect(timer.elapsed()).toBe(1000 + grace);
    expect(timer.pending).toBe(0);
  });

  test('in a listing', async () => {
    const { timer, backend } = fixture(() => fault(never));
    const error = await rejection(timer.until(count(backend)), 'backend/unavailable');
    expect(error.message).toBe('backend b2: list: no answer within 15 s');
    expect(timer.elapsed()).toBe(15_000 + grace);
  });
});

describe('time', () => {
  test('for a range goes by its length, for a whole object by the largest there is', async () => {
    const { timer, backend } = fixture(() => stalls(never));
    const range = { offset: 0, length: 300_000 };
    await rejection(timer.until(backend.get('a', { range })), 'backend/unavailable');
    expect(timer.elapsed()).toBe(17_000);
    await rejection(timer.until(backend.get('a')), 'backend/unavailable');
    expect(Math.round((timer.elapsed() - 17_000) / 1000)).toBe(43);
  });

  test('of a listing is that between two objects, without its consumer’s', async () => {
    const { timer, backend, memory } = fixture(() => ({
      async *objects(objects) {
        for await (const object of objects) {
          await new Promise<void>((resolve) => void timer.after(14_000, resolve));
          yield object;
        }
      },
    }));
    for (let i = 0; i < 5; i += 1) memory.objects.set(`a/${i}`, new Uint8Array(0));
    const read = async (): Promise<number> => {
      let found = 0;
      for await (const _ of backend.list('')) {
        await new Promise<void>((resolve) => void timer.after(60_000, resolve));
        found += 1;
      }
      return found;
    };
    expect(await timer.until(read())).toBe(5);
    expect(timer.pending).toBe(0);
  });

  test('for a later object of a listing begins with its own step', async () => {
    let given = 0;
    const { timer, backend, memory } = fixture(() => ({
      async *objects(objects) {
        for await (const object of objects) {
          if ((given += 1) === 3) await never;
          yield object;
        }
      },
    }));
    for (const name of ['a', 'b', 'c']) memory.objects.set(name, new Uint8Array(0));
    const read = async (): Promise<void> => {
      for await (const _ of backend.list('')) await timer.advance(10_000);
    };
    await rejection(timer.until(read()), 'backend/unavailable');
    expect(timer.elapsed()).toBe(20_000 + 15_000 + 2000);
    expect(timer.pending).toBe(0);
  });

  test('a call that ends within the grace counts', async () => {
    let release = (): void => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    const { timer, backend, memory } = fixture(() => ({ after: () => released }));
    const put = backend.put('a', Uint8Array.of(1));
    await timer.advance(15_500);
    release();
    await put;
    expect(memory.objects.size).toBe(1);
    expect(timer.pending).toBe(0);
  });

  test('left early, nothing waits', async () => {
    const { timer, backend, memory } = fixture(() => null);
    for (const name of ['a', 'b']) memory.objects.set(name, new Uint8Array(0));
    for await (const _ of backend.list('')) break;
    expect(timer.pending).toBe(0);
  });

  test('an abort between two objects of a listing', async () => {
    const { backend, memory, timer } = fixture(() => null);
    for (const name of ['a', 'b']) memory.objects.set(name, new Uint8Array(0));
    const controller = new AbortController();
    const reason = new Error('enough');
    const read = async (): Promise<void> => {
      for await (const _ of backend.list('', { signal: controller.signal })) controller.abort(reason);
    };
    await expect(timer.until(read())).rejects.toBe(reason);
    expect(timer.pending).toBe(0);
  });
});
