import type { Backend, ObjectInfo } from '../../src/backends/backend.ts';
import { backendError } from '../../src/backends/backend-error.ts';
import type { Failure } from '../../src/backends/backend-error.ts';
import type { Act, BackendCall, OpenListing } from '../../src/backends/wrappers/passing-backend.ts';
import { PassingBackend } from '../../src/backends/wrappers/passing-backend.ts';
import { seededRandom } from './seeded-random.ts';

/** A store that misbehaves by plan. Everything a store, or the way to it, can do wrong has a maker here. */

export interface Fault {
  /** Thrown or awaited before the store hears of the call. */
  readonly before?: (call: BackendCall) => Promise<void> | void;
  /** The same when the store has done it, before the caller hears of it. */
  readonly after?: (call: BackendCall) => Promise<void> | void;
  /** What `get` gives instead. */
  readonly bytes?: (bytes: Uint8Array) => Uint8Array;
  /** What `list` gives instead. */
  readonly objects?: (objects: AsyncIterable<ObjectInfo>) => AsyncIterable<ObjectInfo>;
  /** The call is not made at all, and yet resolves: a lost write or delete. */
  readonly isLost?: boolean;
}

/** The fault of the next call, or `null`; asked once a call. */
export type FaultPlan = (call: BackendCall) => Fault | null;

export function faultyBackend(inner: Backend, plan: FaultPlan): Backend {
  return new FaultyBackend(inner, plan);
}

class FaultyBackend extends PassingBackend {
  readonly #plan: FaultPlan;

  constructor(inner: Backend, plan: FaultPlan) {
    super(inner);
    this.#plan = plan;
  }

  protected override async around<T>(call: BackendCall, act: Act<T>): Promise<T> {
    const fault = this.#plan(call);
    await fault?.before?.(call);
    if (fault?.isLost === true) return undefined as T;
    const result = await act(call.signal);
    await fault?.after?.(call);
    return result instanceof Uint8Array && fault?.bytes !== undefined ? (fault.bytes(result) as T) : result;
  }

  protected override async *listing(call: BackendCall, open: OpenListing): AsyncIterable<ObjectInfo> {
    const fault = this.#plan(call);
    await fault?.before?.(call);
    const objects = open(call.signal);
    yield* fault?.objects === undefined ? objects : fault.objects(objects);
    await fault?.after?.(call);
  }
}

type MakeError = (call: BackendCall) => Error;

/** A transient error of the store; `failure` may ask for a pause or say that it is none. */
export function unavailable(failure: Failure = {}): MakeError {
  return ({ operation, name }) =>
    backendError('backend/unavailable', { backend: 'faulty', operation, object: name }, 'planned fault', failure);
}

/** Nothing is done. */
export function failsBefore(error: MakeError = unavailable()): Fault {
  return { before: (call) => Promise.reject(error(call)) };
}

/** All is done, and the answer is lost. */
export function failsAfter(error: MakeError = unavailable()): Fault {
  return { after: (call) => Promise.reject(error(call)) };
}

/** Nothing comes until `released`; an abort is heeded. */
export function stalls(released: Promise<unknown>): Fault {
  return {
    before: async ({ signal }) => {
      const aborted = new Promise<never>((_, reject) => {
        const stop = (): void => reject(signal?.reason as Error);
        if (signal?.aborted === true) stop();
        signal?.addEventListener('abort', stop, { once: true });
      });
      await Promise.race([released, aborted]);
    },
  };
}

/** Nothing comes until `released`, aborted or not. */
export function hangs(released: Promise<unknown>): Fault {
  return { before: async () => void (await released) };
}

/** Resolves, and nothing was done. */
export const lost: Fault = { isLost: true };

export function shortRead(missingBytes = 1): Fault {
  return { bytes: (bytes) => bytes.slice(0, Math.max(0, bytes.length - missingBytes)) };
}

/** One bit is wrong, the length is right. */
export function flippedBit(at = 0): Fault {
  return {
    bytes: (bytes) => bytes.map((byte, i) => (i === at % Math.max(1, bytes.length) ? byte ^ 1 : byte)),
  };
}

/** As long as the right ones. */
export function otherBytes(other: Uint8Array): Fault {
  return { bytes: (bytes) => Uint8Array.from({ length: bytes.length }, (_, i) => other[i % other.length] ?? 0) };
}

export function omits(isOmitted: (object: ObjectInfo) => boolean): Fault {
  return {
    async *objects(objects) {
      for await (const object of objects) if (!isOmitted(object)) yield object;
    },
  };
}

/** Shows what was there some time ago. */
export function staleListing(then: readonly ObjectInfo[]): Fault {
  return {
    async *objects() {
      yield* then;
    },
  };
}

export const listsTwice: Fault = {
  async *objects(objects) {
    for await (const object of objects) yield* [object, object];
  },
};

/** Gives this many objects, then the error. */
export function breaksOff(afterObjects: number, call: BackendCall, error: MakeError = unavailable()): Fault {
  return {
    async *objects(objects) {
      let count = 0;
      for await (const object of objects) {
        if (count === afterObjects) throw error(call);
        count += 1;
        yield object;
      }
    },
  };
}

/** Each call in turn; none for what comes after. */
export function inTurn(...faults: readonly (Fault | null)[]): FaultPlan {
  let next = 0;
  return () => faults[next++] ?? null;
}

/** Calls of one verb only. */
export function onlyOn(operation: BackendCall['operation'], plan: FaultPlan): FaultPlan {
  return (call) => (call.operation === operation ? plan(call) : null);
}

/** A fault of `make` for about `share` of all calls; the same ones in each run of a seed. */
export function randomFaults(
  seed: string,
  share: number,
  make: (call: BackendCall, pick: (below: number) => number) => Fault,
): FaultPlan {
  const random = seededRandom(seed);
  const pick = (below: number): number => Buffer.from(random.bytes(4)).readUInt32BE() % below;
  return (call) => (pick(10_000) < share * 10_000 ? make(call, pick) : null);
}
