import { describe, expect, test } from 'vitest';
import { Meter, meterCalls } from '../../../src/backends/wrappers/meter.ts';
import { retryCalls } from '../../../src/backends/wrappers/retry.ts';
import { rejection } from '../../support/expect-code.ts';
import { FakeTimer } from '../../support/fake-timer.ts';
import { failsBefore, faultyBackend, inTurn } from '../../support/faulty-backend.ts';
import { hookedBackend } from '../../support/hooked-backend.ts';
import { MemoryBackend } from '../../support/memory-backend.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const GIB = 1024 ** 3;

describe('a meter', () => {
  test('counts calls, bytes, errors and time by verb', async () => {
    const timer = new FakeTimer();
    const slow = hookedBackend(new MemoryBackend(), {
      before: () => new Promise<void>((resolve) => void timer.after(10, resolve)),
    });
    const meter = new Meter(timer);
    const backend = meterCalls(slow, meter);
    await timer.until(backend.put('a', new Uint8Array(100)));
    await timer.until(backend.put('b', new Uint8Array(50)));
    await rejection(timer.until(backend.put('b', new Uint8Array(7))), 'backend/already-exists');
    await timer.until(backend.get('a', { range: { offset: 0, length: 30 } }));
    await rejection(timer.until(backend.get('c')), 'backend/not-found');
    await timer.until(Promise.all([backend.stat('a'), backend.delete('a')]));
    const { operations, total, bytesStored, cost } = meter.snapshot();
    expect(operations.put).toEqual({ calls: 3, errors: 1, bytesUp: 157, bytesDown: 0, milliseconds: 30 });
    expect(operations.get).toEqual({ calls: 2, errors: 1, bytesUp: 0, bytesDown: 30, milliseconds: 20 });
    expect(operations.stat).toEqual({ calls: 1, errors: 0, bytesUp: 0, bytesDown: 0, milliseconds: 10 });
    expect(operations.delete.calls).toBe(1);
    expect(operations.lock.calls).toBe(0);
    expect(total).toEqual({ calls: 7, errors: 2, bytesUp: 157, bytesDown: 30, milliseconds: 70 });
    expect(bytesStored).toBe(150);
    expect(cost).toBe(null);
  });

  test('inside a retry counts each try', async () => {
    const timer = new FakeTimer();
    const meter = new Meter(timer);
    const faulty = faultyBackend(new MemoryBackend(), inTurn(failsBefore(), failsBefore()));
    const backend = retryCalls(meterCalls(faulty, meter), { timer, random: seededRandom('meter') });
    await timer.until(backend.put('a', new Uint8Array(10)));
    expect(meter.snapshot().operations.put).toMatchObject({ calls: 3, errors: 2, bytesUp: 30 });
    expect(meter.snapshot().bytesStored).toBe(10);
  });

  test('counts listings as stores bill them, and their time without the consumer’s', async () => {
    const timer = new FakeTimer();
    const memory = new MemoryBackend();
    const meter = new Meter(timer);
    const backend = meterCalls(memory, meter);
    for (let i = 0; i < 1001; i += 1) memory.objects.set(`a/${i}`, new Uint8Array(0));
    for await (const _ of backend.list('')) await timer.advance(1);
    for await (const _ of backend.list('')) break;
    expect(meter.snapshot().operations.list).toMatchObject({ calls: 3, errors: 0, milliseconds: 0 });
  });

  test('does not change a snapshot that was taken', async () => {
    const meter = new Meter(new FakeTimer());
    const backend = meterCalls(new MemoryBackend(), meter);
    const before = meter.snapshot();
    await backend.stat('a');
    expect(before.total.calls).toBe(0);
    expect(meter.snapshot().total.calls).toBe(1);
  });

  test('adds up costs by the prices', async () => {
    const prices = {
      currency: 'USD',
      perThousandCalls: { put: 5, get: 0.4 },
      egressPerGiB: 0.09,
      storagePerGiBMonth: 6,
    };
    const meter = new Meter(new FakeTimer(), prices);
    const backend = meterCalls(new MemoryBackend(), meter);
    for (let i = 0; i < 4; i += 1) await backend.put(`${i}`, new Uint8Array(1024 * 1024));
    await backend.get('1');
    await backend.stat('1');
    const { cost } = meter.snapshot();
    expect(cost?.currency).toBe('USD');
    expect(cost?.now).toBeCloseTo(4 * 0.005 + 0.0004 + (1024 * 1024 * 0.09) / GIB, 10);
    expect(cost?.perMonth).toBeCloseTo((4 * 6) / 1024, 10);
  });
});
