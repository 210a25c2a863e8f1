import type { Timer } from '../../core/clock.ts';
import type { Backend, ObjectInfo } from '../backend.ts';
import type { Cost, PriceTable } from './cost.ts';
import { costOf } from './cost.ts';
import { objectsInPages } from './listing-pages.ts';
import type { Act, BackendCall, BackendOperation, OpenListing } from './passing-backend.ts';
import { PassingBackend, inSteps } from './passing-backend.ts';

export interface OperationFigures {
  /** A listing counts one for each thousand objects begun, as stores bill it. */
  readonly calls: number;
  /** Calls that rejected, also `backend/not-found` and aborted ones. */
  readonly errors: number;
  /** Of bodies, also of puts that failed, since they may have been sent. */
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** From begin to end of each call, added up; calls that run side by side count each. */
  readonly milliseconds: number;
}

export interface MeterSnapshot {
  readonly operations: Readonly<Record<BackendOperation, OperationFigures>>;
  readonly total: OperationFigures;
  /** Of puts that resolved; one of an object that was there already counts too. */
  readonly bytesStored: number;
  /** `null`: without prices. */
  readonly cost: Cost | null;
}

type Figures = { -readonly [K in keyof OperationFigures]: OperationFigures[K] };

const OPERATIONS: readonly BackendOperation[] = ['put', 'get', 'stat', 'list', 'delete', 'lock'];
const zero = (): Figures => ({ calls: 0, errors: 0, bytesUp: 0, bytesDown: 0, milliseconds: 0 });
const forEach = <T>(value: (operation: BackendOperation) => T): Record<BackendOperation, T> =>
  Object.fromEntries(OPERATIONS.map((operation) => [operation, value(operation)])) as Record<BackendOperation, T>;

/** Counts what one backend, or several of one bill, are asked for. */
export class Meter {
  readonly #timer: Timer;
  readonly #prices: PriceTable | null;
  readonly #figures: Record<BackendOperation, Figures> = forEach(zero);
  #bytesStored = 0;

  constructor(timer: Timer, prices: PriceTable | null = null) {
    this.#timer = timer;
    this.#prices = prices;
  }

  /** As of now; does not change afterwards. */
  snapshot(): MeterSnapshot {
    const operations = forEach((operation) => ({ ...this.#figures[operation] }));
    const total = zero();
    for (const figures of Object.values(operations)) {
      for (const key of Object.keys(total) as (keyof Figures)[]) total[key] += figures[key];
    }
    const calls = forEach((operation) => operations[operation].calls);
    const usage = { calls, bytesDown: total.bytesDown, bytesStored: this.#bytesStored };
    const cost = this.#prices === null ? null : costOf(usage, this.#prices);
    return { operations, total, bytesStored: this.#bytesStored, cost };
  }

  count(operation: BackendOperation): void {
    this.#figures[operation].calls += 1;
  }

  /** Measures time, bytes and failure of one call, which `count` has counted. */
  async measure<T>({ operation, sizeBytes }: BackendCall, act: () => Promise<T>): Promise<T> {
    const figures = this.#figures[operation];
    const startedAt = this.#timer.elapsed();
    try {
      const result = await act();
      if (result instanceof Uint8Array) figures.bytesDown += result.length;
      if (operation === 'put') this.#bytesStored += sizeBytes ?? 0;
      return result;
    } catch (error) {
      figures.errors += 1;
      throw error;
    } finally {
      if (operation === 'put') figures.bytesUp += sizeBytes ?? 0;
      figures.milliseconds += this.#timer.elapsed() - startedAt;
    }
  }
}

/** Counts every call in `meter`. Inside the retry wrapper each try is a call of its own. */
export function meterCalls(inner: Backend, meter: Meter): Backend {
  return new MeteredBackend(inner, meter);
}

class MeteredBackend extends PassingBackend {
  readonly #meter: Meter;

  constructor(inner: Backend, meter: Meter) {
    super(inner);
    this.#meter = meter;
  }

  protected override around<T>(call: BackendCall, act: Act<T>): Promise<T> {
    this.#meter.count(call.operation);
    return this.#meter.measure(call, () => act(call.signal));
  }

  protected override listing(call: BackendCall, open: OpenListing): AsyncIterable<ObjectInfo> {
    const measured = inSteps(open(call.signal), (next) => this.#meter.measure(call, next));
    return objectsInPages(measured, () => this.#meter.count('list'));
  }
}
