import type { Timer } from '../../core/clock.ts';
import type { ValenceError } from '../../core/errors.ts';
import { SEGMENT_BYTES_MAX } from '../../core/limits.ts';
import type { Backend, ObjectInfo } from '../backend.ts';
import { backendError } from '../backend-error.ts';
import type { Deadline } from './deadline.ts';
import { withDeadline } from './deadline.ts';
import type { Act, BackendCall, OpenListing } from './passing-backend.ts';
import { PassingBackend, inSteps } from './passing-backend.ts';
import { StepWatch } from './step-watch.ts';

export interface TimeoutOptions {
  /** How errors call the backend. */
  readonly name: string;
  readonly timer: Timer;
  /** For a call without bytes, and for a listing to give its next object. 15 s unless given. */
  readonly baseMs?: number | undefined;
  /** A slower transfer counts as stalled. 150 kB/s unless given: what a slow home uplink keeps up. */
  readonly bytesPerSecond?: number | undefined;
  /** How long a call that was aborted is waited for. 2 s unless given. */
  readonly graceMs?: number | undefined;
}

/**
 * Ends calls that take too long: their signal is aborted and they reject a transient `backend/unavailable`, also where
 * what is wrapped ignores its signal.
 */
export function limitTime(inner: Backend, options: TimeoutOptions): Backend {
  return new TimeLimitedBackend(inner, options);
}

class TimeLimitedBackend extends PassingBackend {
  readonly #options: TimeoutOptions;

  constructor(inner: Backend, options: TimeoutOptions) {
    super(inner);
    this.#options = options;
  }

  protected override around<T>(call: BackendCall, act: Act<T>): Promise<T> {
    // The largest object, an index segment or a manifest, stays below this.
    const sizeBytes = call.sizeBytes ?? Math.min(SEGMENT_BYTES_MAX, this.inner.traits.maxObjectBytes);
    return withDeadline(this.#deadline(call, sizeBytes), act);
  }

  protected override async *listing(call: BackendCall, open: OpenListing): AsyncIterable<ObjectInfo> {
    using watch = new StepWatch(this.#deadline(call, 0));
    yield* inSteps(open(watch.signal), (next) => watch.step(next));
  }

  #deadline(call: BackendCall, sizeBytes: number): Deadline {
    const { timer, baseMs = 15_000, bytesPerSecond = 150_000, graceMs = 2_000 } = this.#options;
    const limitMs = baseMs + (sizeBytes / bytesPerSecond) * 1000;
    return { timer, limitMs, graceMs, signal: call.signal, late: () => this.#late(call, limitMs) };
  }

  #late({ operation, name }: BackendCall, waitedMs: number): ValenceError {
    const seconds = Math.round(waitedMs / 100) / 10;
    const call = { backend: this.#options.name, operation, object: name };
    return backendError('backend/unavailable', call, `no answer within ${seconds} s`, {
      hint: 'see that the store and the way to it are up; a slow line may need a lower limit of bandwidth',
      context: { waitedMs },
    });
  }
}
