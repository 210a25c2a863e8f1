import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Backend } from '../../src/backends/backend.ts';
import { wrapBackend } from '../../src/backends/wrappers/compose.ts';
import type { BackendCall } from '../../src/backends/wrappers/passing-backend.ts';
import { Slots } from '../../src/backends/wrappers/slots.ts';
import { isValenceError } from '../../src/core/errors.ts';
import { sha256 } from '../../src/format/shard/name.ts';
import { readWholeObject } from '../../src/vault/read-object.ts';
import { FakeTimer } from '../support/fake-timer.ts';
import type { Fault, FaultPlan } from '../support/faulty-backend.ts';
import {
  breaksOff,
  failsAfter,
  failsBefore,
  faultyBackend,
  flippedBit,
  hangs,
  listsTwice,
  otherBytes,
  randomFaults,
  shortRead,
  stalls,
  unavailable,
} from '../support/faulty-backend.ts';
import { MemoryBackend } from '../support/memory-backend.ts';
import { seededRandom } from '../support/seeded-random.ts';

const slow = process.env['SLOW'] === '1';
const runs = { seed: 41, numRuns: slow ? 5_000 : 200 };

const TRIES = 6;
const SLOTS = 3;
const never = new Promise<never>(() => {});

/** Objects named by their digest, as all of ours are. */
const OBJECTS = Array.from({ length: 8 }, (_, i) => {
  const body = Uint8Array.from({ length: 10 + i * 100 }, (__, at) => (at * 7 + i) & 0xff);
  return { name: `index/${Buffer.from(sha256(body)).toString('hex')}`, body };
});

type Verb = 'put' | 'get' | 'range' | 'stat' | 'list' | 'delete';
interface Operation {
  readonly verb: Verb;
  readonly object: number;
}

const operation: fc.Arbitrary<Operation> = fc.record({
  verb: fc.constantFrom<Verb[]>('put', 'put', 'put', 'get', 'get', 'range', 'stat', 'list', 'delete'),
  object: fc.nat(OBJECTS.length - 1),
});

/** Whatever a store or the way to it may do to a call. */
function anyFault(call: BackendCall, pick: (below: number) => number): Fault {
  const common = [
    failsBefore(),
    failsAfter(),
    failsBefore(unavailable({ retryAfterMs: pick(200_000) })),
    failsAfter(unavailable({ transient: false })),
    stalls(never),
    hangs(never),
  ];
  const own: Fault[] = [];
  if (call.operation === 'get') own.push(shortRead(1 + pick(20)), flippedBit(pick(500)), otherBytes(Uint8Array.of(9)));
  if (call.operation === 'list') own.push(listsTwice, breaksOff(pick(8), call));
  const faults = [...common, ...own];
  return faults[pick(faults.length)] ?? failsBefore();
}

/** How often each call reached the store, and how many bodies were on their way at once. */
class Watch {
  readonly tries: number[] = [];
  bodiesMax = 0;
  #bodies = 0;
  #ofCall = 0;

  begin(): void {
    this.#ofCall = 0;
  }

  end(): void {
    this.tries.push(this.#ofCall);
  }

  around(plan: FaultPlan): FaultPlan {
    return (call) => {
      this.#ofCall += 1;
      const fault = plan(call);
      if (call.operation !== 'put') return fault;
      this.#bodies += 1;
      this.bodiesMax = Math.max(this.bodiesMax, this.#bodies);
      const { before, after } = fault ?? {};
      const leave = async (act?: (of: BackendCall) => Promise<void> | void): Promise<void> => {
        try {
          await act?.(call);
        } catch (error) {
          this.#bodies -= 1;
          throw error;
        }
      };
      return {
        before: () => leave(before),
        after: async () => {
          await leave(after);
          this.#bodies -= 1;
        },
      };
    };
  }
}

interface World {
  readonly timer: FakeTimer;
  readonly memory: MemoryBackend;
  readonly backend: Backend;
  readonly watch: Watch;
}

function world(seed: string, share: number): World {
  const timer = new FakeTimer();
  const memory = new MemoryBackend();
  const watch = new Watch();
  const faulty = faultyBackend(memory, watch.around(randomFaults(seed, share, anyFault)));
  const random = seededRandom(seed);
  const backend = wrapBackend(faulty, {
    name: 'b2',
    timer,
    random,
    slots: new Slots(SLOTS),
    retry: { triesMax: TRIES },
  });
  return { timer, memory, backend, watch };
}

/** What a caller knows for certain of an object after its calls. */
type Known = 'there' | 'absent' | 'unsure';

async function perform(backend: Backend, { verb, object }: Operation): Promise<unknown> {
  const { name, body } = OBJECTS[object]!;
  if (verb === 'put') return backend.put(name, body);
  if (verb === 'delete') return backend.delete(name);
  if (verb === 'stat') return backend.stat(name);
  if (verb === 'range') return backend.get(name, { range: { offset: 3, length: 5 } });
  if (verb === 'get') return readWholeObject([backend], name, sha256(body));
  const found: string[] = [];
  for await (const info of backend.list('index/')) found.push(info.name);
  expect(new Set(found).size).toBe(found.length);
  return found;
}

function learn(known: Map<number, Known>, { verb, object }: Operation, resolved: boolean): void {
  if (verb === 'put') known.set(object, resolved ? 'there' : known.get(object) === 'there' ? 'there' : 'unsure');
  if (verb === 'delete') known.set(object, resolved ? 'absent' : known.get(object) === 'absent' ? 'absent' : 'unsure');
}

describe('a store behind all wrappers, with faults at random', () => {
  it('one call after another: nothing acknowledged is lost, nothing wrong is read, every failure has a name', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(operation, { maxLength: 25 }),
        fc.nat(),
        fc.constantFrom(0.1, 0.4, 0.8),
        async (operations, seed, share) => {
          const { timer, memory, backend, watch } = world(`${seed}`, share);
          const known = new Map<number, Known>();
          for (const [i, each] of operations.entries()) {
            watch.begin();
            const outcome = await timer.until(
              perform(backend, each).then(
                (value) => ({ value }),
                (error: unknown) => ({ error }),
              ),
            );
            watch.end();
            expect(watch.tries[i]).toBeLessThanOrEqual(TRIES);
            learn(known, each, !('error' in outcome));
            check(outcome, each, known);
          }
          for (const [object, state] of known) {
            const stored = memory.objects.get(OBJECTS[object]!.name);
            if (state === 'there') expect(stored).toEqual(OBJECTS[object]!.body);
            if (state === 'absent') expect(stored).toBe(undefined);
          }
          expect(timer.pending).toBe(0);
        },
      ),
      runs,
    );
  });

  it('many calls at once: puts that resolve are there, and no more bodies are on their way than there are slots', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(OBJECTS.length - 1), { maxLength: 30 }), fc.nat(), async (objects, seed) => {
        const heeding: FaultPlan = randomFaults(
          `${seed}`,
          0.4,
          (_, pick) => [failsBefore(), failsAfter(), stalls(never)][pick(3)] ?? failsBefore(),
        );
        const timer = new FakeTimer();
        const memory = new MemoryBackend();
        const watch = new Watch();
        const random = seededRandom(`${seed}`);
        const faulty = faultyBackend(memory, watch.around(heeding));
        const backend = wrapBackend(faulty, { name: 'b2', timer, random, slots: new Slots(SLOTS) });
        const puts = objects.map((object) => backend.put(OBJECTS[object]!.name, OBJECTS[object]!.body));
        const outcomes = await timer.until(Promise.allSettled(puts));
        for (const [i, outcome] of outcomes.entries()) {
          const { name, body } = OBJECTS[objects[i]!]!;
          if (outcome.status === 'fulfilled') expect(memory.objects.get(name)).toEqual(body);
          else expect(isValenceError(outcome.reason, 'backend/unavailable')).toBe(true);
        }
        expect(watch.bodiesMax).toBeLessThanOrEqual(SLOTS);
        expect(timer.pending).toBe(0);
      }),
      runs,
    );
  });

  it('a reader with a second place gets every object, whatever the first one gives', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.constantFrom(0.3, 1), async (seed, share) => {
        const { timer, memory, backend } = world(`${seed}`, share);
        const honest = new MemoryBackend('honest');
        for (const { name, body } of OBJECTS) {
          await honest.put(name, body);
          await memory.put(name, body);
        }
        for (const { name, body } of OBJECTS) {
          const read = await timer.until(readWholeObject([backend, honest], name, sha256(body)));
          expect(read.bytes).toEqual(body);
        }
        expect(timer.pending).toBe(0);
      }),
      { ...runs, numRuns: runs.numRuns / 4 },
    );
  });
});

function check(
  outcome: { value: unknown } | { error: unknown },
  { verb, object }: Operation,
  known: Map<number, Known>,
): void {
  const { name, body } = OBJECTS[object]!;
  const state = known.get(object) ?? 'absent';
  if ('error' in outcome) {
    const { error } = outcome;
    if (!isValenceError(error)) throw error;
    expect(error.code).toMatch(/^backend\//);
    expect(error.context['backend']).toEqual(expect.any(String));
    expect(error.context['operation']).toBe(verb === 'range' ? 'get' : verb);
    return;
  }
  const { value } = outcome;
  if (verb === 'get') {
    const { bytes } = value as Awaited<ReturnType<typeof readWholeObject>>;
    if (bytes !== null) expect(bytes).toEqual(body);
    if (state === 'absent') expect(bytes).toBe(null);
  }
  if (verb === 'stat' && state !== 'unsure') {
    expect(value).toEqual(state === 'there' ? { name, sizeBytes: body.length } : null);
  }
  if (verb !== 'list') return;
  const found = value as string[];
  for (const [i, each] of OBJECTS.entries()) {
    const expected = known.get(i) ?? 'absent';
    if (expected !== 'unsure') expect(found.includes(each.name)).toBe(expected === 'there');
  }
}
