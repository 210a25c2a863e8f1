import { describe, expect, test } from 'vitest';
import type { Backend, ObjectInfo } from '../../../src/backends/backend.ts';
import { backendError } from '../../../src/backends/backend-error.ts';
import type { RetryOptions } from '../../../src/backends/wrappers/retry.ts';
import { retryCalls } from '../../../src/backends/wrappers/retry.ts';
import type { Random } from '../../../src/core/random.ts';
import { rejection } from '../../support/expect-code.ts';
import { FakeTimer, turn } from '../../support/fake-timer.ts';
import type { FaultPlan } from '../../support/faulty-backend.ts';
import {
  breaksOff,
  failsAfter,
  failsBefore,
  faultyBackend,
  inTurn,
  listsTwice,
  unavailable,
} from '../../support/faulty-backend.ts';
import { MemoryBackend } from '../../support/memory-backend.ts';

/** Draws the same fraction each time. */
const always = (fraction: number): Random => ({
  bytes: () => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(Math.min(2 ** 32 - 1, fraction * 2 ** 32));
    return bytes;
  },
});

interface Fixture {
  readonly timer: FakeTimer;
  readonly memory: MemoryBackend;
  readonly backend: Backend;
  /** Milliseconds at which each try began. */
  readonly tries: number[];
}

function fixture(plan: FaultPlan, options: Partial<RetryOptions> = {}): Fixture {
  const timer = new FakeTimer();
  const memory = new MemoryBackend();
  const tries: number[] = [];
  const noted: FaultPlan = (call) => {
    tries.push(timer.elapsed());
    return plan(call);
  };
  const backend = retryCalls(faultyBackend(memory, noted), { timer, random: always(1), ...options });
  return { timer, memory, backend, tries };
}

const body = Uint8Array.of(1, 2, 3);
const forEver: FaultPlan = () => failsBefore();

async function listed(backend: Backend, signal?: AbortSignal): Promise<ObjectInfo[]> {
  const found: ObjectInfo[] = [];
  for await (const object of backend.list('', { signal })) found.push(object);
  return found;
}

describe('a call that fails for the moment', () => {
  test('is made again, after waits that double up to their maximum', async () => {
    const { timer, backend, tries, memory } = fixture(forEver, { triesMax: 9, budgetMs: 120_000 });
    const error = await rejection(timer.until(backend.put('a', body)), 'backend/unavailable');
    expect(tries.map(Math.round)).toEqual([0, 500, 1500, 3500, 7500, 15_500, 31_500, 61_500, 91_500]);
    expect(error.message).toBe('backend faulty: put a: planned fault (9 tries in 91 s)');
    expect(error.context).toMatchObject({ backend: 'faulty', operation: 'put', object: 'a', tries: 9 });
    expect(memory.objects.size).toBe(0);
    expect(timer.pending).toBe(0);
  });

  test('waits a random part only', async () => {
    const { timer, backend, tries } = fixture(forEver, { triesMax: 4, random: always(0.25) });
    await rejection(timer.until(backend.get('a')), 'backend/unavailable');
    expect(tries).toEqual([0, 125, 375, 875]);
  });

  test('waits as long as the store asks, up to a maximum', async () => {
    const plan = inTurn(
      failsBefore(unavailable({ retryAfterMs: 7000 })),
      failsBefore(unavailable({ retryAfterMs: 3_600_000 })),
    );
    const { timer, backend, tries } = fixture(plan, { random: always(0) });
    await timer.until(backend.put('a', body));
    expect(tries).toEqual([0, 7000, 67_000]);
  });

  test('is not made again when the time is used up', async () => {
    const { timer, backend, tries } = fixture(forEver, { triesMax: 100, budgetMs: 10_000 });
    await rejection(timer.until(backend.stat('a')), 'backend/unavailable');
    expect(tries.map(Math.round)).toEqual([0, 500, 1500, 3500, 7500]);
    expect(Math.round(timer.elapsed())).toBe(7500);
  });

  test('succeeds where the store did it and only the answer was lost', async () => {
    const { timer, backend, memory } = fixture(inTurn(failsAfter(), failsAfter(), null));
    await timer.until(backend.put('a', body));
    expect(memory.objects.get('a')).toEqual(body);
  });

  test('is refused where another wrote meanwhile', async () => {
    const { timer, backend, memory } = fixture(inTurn(failsBefore(), null));
    const put = backend.put('a', body);
    await turn();
    memory.objects.set('a', Uint8Array.of(9));
    await rejection(timer.until(put), 'backend/already-exists');
  });

  test('stops waiting when it is aborted', async () => {
    const { timer, backend, tries } = fixture(forEver);
    const controller = new AbortController();
    const reason = new Error('enough');
    const put = backend.put('a', body, { signal: controller.signal });
    await timer.advance(600);
    controller.abort(reason);
    await expect(put).rejects.toBe(reason);
    expect(timer.pending).toBe(0);
    expect(tries.length).toBe(2);
  });

  test('is not made again when it was aborted as it failed', async () => {
    const controller = new AbortController();
    const reason = backendError('backend/unavailable', { backend: 'x', operation: 'run' }, 'enough');
    const plan: FaultPlan = () => ({
      before: () => {
        controller.abort(reason);
        throw unavailable()({ operation: 'get', name: 'a', sizeBytes: 0, signal: undefined });
      },
    });
    const { timer, backend, tries } = fixture(plan);
    await expect(timer.until(backend.get('a', { signal: controller.signal }))).rejects.toBe(reason);
    expect(tries.length).toBe(1);
  });
});

describe('a call that would fail again', () => {
  test.for([
    'backend/denied',
    'backend/full',
    'backend/not-found',
    'backend/invalid-range',
    'backend/already-exists',
    'backend/locked',
    'backend/archived',
  ] as const)('is made once: %s', async (code) => {
    const error = backendError(code, { backend: 'x', operation: 'get' }, 'no');
    const { backend, tries } = fixture(() => failsBefore(() => error));
    await expect(backend.get('a')).rejects.toBe(error);
    expect(tries).toEqual([0]);
  });

  test.for([
    ['unavailable for good', unavailable({ transient: false })],
    ['an error that is not ours', () => new Error('a planned fault')],
  ] as const)('is not made again: %s', async ([, error]) => {
    const { backend, tries } = fixture(() => failsBefore(error));
    await expect(backend.get('a')).rejects.toThrow('planned fault');
    expect(tries).toEqual([0]);
  });
});

describe('a listing', () => {
  const full = (memory: MemoryBackend): void => {
    for (let i = 0; i < 20; i += 1) memory.objects.set(`a/${i}`, new Uint8Array(i));
  };

  test('that breaks off begins again and gives each object once', async () => {
    let broken = 0;
    const plan: FaultPlan = (call) => ((broken += 1) <= 4 ? breaksOff(broken * 3, call) : null);
    const { timer, backend, memory, tries } = fixture(plan);
    full(memory);
    const found = await timer.until(listed(backend));
    expect(found.map(({ name }) => name)).toEqual([...memory.objects.keys()]);
    expect(tries.length).toBe(5);
  });

  test('gives once what the store gives twice', async () => {
    const { timer, backend, memory } = fixture(() => listsTwice);
    full(memory);
    expect((await timer.until(listed(backend))).length).toBe(20);
  });

  test('gives up after as many tries as a call, whatever it has given', async () => {
    const { timer, backend, memory, tries } = fixture((call) => breaksOff(5, call));
    full(memory);
    await rejection(timer.until(listed(backend)), 'backend/unavailable');
    expect(tries.length).toBe(6);
  });

  test('that is left early ends the one of the store', async () => {
    let ended = 0;
    const plan: FaultPlan = () => ({
      async *objects(objects) {
        try {
          yield* objects;
        } finally {
          ended += 1;
        }
      },
    });
    const { backend, memory, timer } = fixture(plan);
    full(memory);
    for await (const _ of backend.list('')) break;
    expect(ended).toBe(1);
    expect(timer.pending).toBe(0);
  });

  test('stops waiting when it is aborted', async () => {
    const { timer, backend } = fixture(forEver);
    const controller = new AbortController();
    const reason = new Error('enough');
    const listing = listed(backend, controller.signal);
    await timer.advance(10);
    controller.abort(reason);
    await expect(listing).rejects.toBe(reason);
    expect(timer.pending).toBe(0);
  });
});
