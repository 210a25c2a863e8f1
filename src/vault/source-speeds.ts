import type { GetOptions, ObjectName, ReadableBackend } from '../backends/backend.ts';
import { systemTimer } from '../core/clock.ts';
import type { Timer } from '../core/clock.ts';
import { readOnce } from './read-object.ts';
import type { ObjectRefusal } from './read-object.ts';

/** What is known of a backend from the reads before. */
interface Measured {
  /** Of a small read. */
  latencyMs: number | null;
  /** Above that, of a large one. */
  msPerByte: number | null;
}

/** How much the newest measurement counts. */
const WEIGHT = 0.3;
/** Reads below it tell of latency alone. */
const LARGE_BYTES = 64 * 1024;
/** Up to so many times as long as the fastest is as good. */
const AS_GOOD = 1.5;
/** So many times as long as expected is late. */
const LATE = 3;
/** Below that it is only a busy process. */
const PATIENCE_MS_MIN = 250;
/** Where nothing was measured yet. */
const PATIENCE_MS_FIRST = 3_000;

/**
 * How fast backends answered so far, and which of them are asked last: those that gave wrong bytes, failed, or keep objects in
 * an archive. One for all that reads from the same places.
 */
export class SourceSpeeds {
  readonly timer: Timer;
  readonly #measured = new Map<ReadableBackend, Measured>();
  readonly #last = new Set<ReadableBackend>();

  constructor(timer: Timer = systemTimer) {
    this.timer = timer;
  }

  /** From now on it is asked when nobody else will do. */
  askLast(backend: ReadableBackend): void {
    this.#last.add(backend);
  }

  isLast(backend: ReadableBackend): boolean {
    return this.#last.has(backend);
  }

  /** Reads and measures. A read that is aborted counts as having taken at least so long. @throws as `readOnce` */
  async read(
    backend: ReadableBackend,
    object: ObjectName,
    signal: AbortSignal | undefined,
    options: Pick<GetOptions, 'range' | 'digest'> & { readonly expectedBytes: number },
  ): Promise<Uint8Array | ObjectRefusal> {
    const start = this.timer.elapsed();
    const { expectedBytes, ...how } = options;
    try {
      const bytes = await readOnce(backend, object, signal, how);
      if (bytes === 'unavailable' || bytes === 'archived') this.askLast(backend);
      else if (bytes !== 'missing') this.#note(backend, bytes.length, this.timer.elapsed() - start);
      return bytes;
    } catch (error) {
      const passed = this.timer.elapsed() - start;
      if (signal?.aborted === true && passed > this.#expectedMs(backend, expectedBytes))
        this.#note(backend, expectedBytes, passed);
      throw error;
    }
  }

  /**
   * Those first that answer soonest. Who takes less than half as long again as the fastest is as good, and then the order stays; one
   * that was never asked counts as fast as the fastest.
   */
  fastestFirst<T>(items: readonly T[], backendOf: (item: T) => ReadableBackend | undefined, bytes: number): T[] {
    const expected = items.map((item) => {
      const backend = backendOf(item);
      const isLast = backend === undefined || this.#last.has(backend);
      return { item, ms: isLast ? Number.POSITIVE_INFINITY : Math.max(1, this.#expectedMs(backend, bytes)) };
    });
    const asGood = AS_GOOD * Math.min(...expected.map(({ ms }) => ms));
    const rank = (ms: number): number => (ms < asGood ? 0 : ms);
    return expected.sort((a, b) => (rank(a.ms) === rank(b.ms) ? 0 : rank(a.ms) - rank(b.ms))).map(({ item }) => item);
  }

  /** How long to wait for a read of so many bytes before asking somebody else besides. */
  patienceMs(backend: ReadableBackend | undefined, bytes: number): number {
    if (this.#measured.size === 0) return PATIENCE_MS_FIRST;
    const known = backend !== undefined && this.#measured.has(backend);
    const expected = known ? this.#expectedMs(backend, bytes) : this.#typicalMs(bytes);
    return Math.max(PATIENCE_MS_MIN, LATE * expected);
  }

  #expectedMs(backend: ReadableBackend, bytes: number): number {
    const measured = this.#measured.get(backend);
    if (measured !== undefined) return timeOf(measured, bytes);
    return this.#measured.size === 0 ? 0 : Math.min(...this.#all(bytes));
  }

  #typicalMs(bytes: number): number {
    const all = this.#all(bytes).toSorted((a, b) => a - b);
    return all[all.length >> 1]!;
  }

  #all(bytes: number): number[] {
    return Array.from(this.#measured.values(), (measured) => timeOf(measured, bytes));
  }

  #note(backend: ReadableBackend, bytes: number, ms: number): void {
    const measured = this.#measured.get(backend) ?? { latencyMs: null, msPerByte: null };
    if (bytes < LARGE_BYTES) measured.latencyMs = averaged(measured.latencyMs, ms);
    else measured.msPerByte = averaged(measured.msPerByte, Math.max(0, ms - (measured.latencyMs ?? 0)) / bytes);
    this.#measured.set(backend, measured);
  }
}

function timeOf({ latencyMs, msPerByte }: Measured, bytes: number): number {
  return (latencyMs ?? 0) + (msPerByte ?? 0) * bytes;
}

/** Exponentially weighted. */
function averaged(before: number | null, now: number): number {
  return before === null ? now : before + WEIGHT * (now - before);
}
