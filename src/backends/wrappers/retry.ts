import type { Timer } from '../../core/clock.ts';
import { sleep } from '../../core/clock.ts';
import { ValenceError } from '../../core/errors.ts';
import type { Random } from '../../core/random.ts';
import type { Backend, ObjectInfo } from '../backend.ts';
import { isTransient, retryAfterOf } from '../backend-error.ts';
import type { Act, BackendCall, OpenListing } from './passing-backend.ts';
import { PassingBackend } from './passing-backend.ts';

export interface RetryOptions {
  readonly timer: Timer;
  readonly random: Random;
  /**
   * Tries of one call, the first included. 6 unless given: some 8 s of waiting, which rides out a server that starts again
   * or a short storm. A store that is away for longer is better left for this run, as its debt is paid by the next.
   */
  readonly triesMax?: number | undefined;
  /** The first wait is a random part of this, each further one of twice as much. 500 ms unless given. */
  readonly firstDelayMs?: number | undefined;
  /** 30 s unless given. */
  readonly delayMsMax?: number | undefined;
  /** A store that asks to be left alone for longer is asked again after this. 60 s unless given. */
  readonly retryAfterMsMax?: number | undefined;
  /** No try begins later than this after the first failed. 90 s unless given: a later run brings what a backend lacks. */
  readonly budgetMs?: number | undefined;
}

/**
 * Makes calls again that fail with a transient `backend/unavailable`, after a random part of a growing delay (full
 * jitter), so that many callers do not come back at once. A listing begins again and passes over what it has given.
 * Everything else, and the last failure, comes out; the latter says how often it was tried.
 */
export function retryCalls(inner: Backend, options: RetryOptions): Backend {
  return new RetryingBackend(inner, options);
}

class RetryingBackend extends PassingBackend {
  readonly #options: RetryOptions;

  constructor(inner: Backend, options: RetryOptions) {
    super(inner);
    this.#options = options;
  }

  protected override async around<T>(call: BackendCall, act: Act<T>): Promise<T> {
    const tries = new Tries(this.#options, call.signal);
    for (;;) {
      try {
        return await act(call.signal);
      } catch (error) {
        await tries.another(error);
      }
    }
  }

  /** The names it has given are kept, as no order is promised: 0.1 MB for a thousand. */
  protected override async *listing(call: BackendCall, open: OpenListing): AsyncIterable<ObjectInfo> {
    const given = new Set<string>();
    const tries = new Tries(this.#options, call.signal);
    for (;;) {
      try {
        yield* notGiven(open(call.signal), given);
        return;
      } catch (error) {
        await tries.another(error);
      }
    }
  }
}

async function* notGiven(listing: AsyncIterable<ObjectInfo>, given: Set<string>): AsyncIterable<ObjectInfo> {
  for await (const object of listing) {
    if (given.has(object.name)) continue;
    given.add(object.name);
    yield object;
  }
}

/** The tries of one call. */
class Tries {
  readonly #options: RetryOptions;
  readonly #signal: AbortSignal | undefined;
  #failed = 0;
  #firstFailedAt = 0;

  constructor(options: RetryOptions, signal: AbortSignal | undefined) {
    this.#options = options;
    this.#signal = signal;
  }

  /** Resolves when the call is to be made again. @throws what the caller must hear of otherwise */
  async another(error: unknown): Promise<void> {
    if (!isTransient(error)) throw error;
    this.#signal?.throwIfAborted();
    const { timer, triesMax = 6, budgetMs = 90_000 } = this.#options;
    if (this.#failed === 0) this.#firstFailedAt = timer.elapsed();
    this.#failed += 1;
    const spentMs = timer.elapsed() - this.#firstFailedAt;
    const delayMs = this.#delayMs(error);
    if (this.#failed >= triesMax || spentMs + delayMs > budgetMs) throw tired(error, this.#failed, spentMs);
    await sleep(timer, delayMs, this.#signal);
  }

  #delayMs(error: ValenceError): number {
    const { random, firstDelayMs = 500, delayMsMax = 30_000, retryAfterMsMax = 60_000 } = this.#options;
    const jitter = fraction(random) * Math.min(delayMsMax, firstDelayMs * 2 ** (this.#failed - 1));
    return Math.min(retryAfterOf(error) ?? 0, retryAfterMsMax) + jitter;
  }
}

/** From 0 to below 1. */
function fraction(random: Random): number {
  return Buffer.from(random.bytes(4)).readUInt32BE() / 2 ** 32;
}

function tired(error: ValenceError, tries: number, spentMs: number): ValenceError {
  if (tries === 1) return error;
  const seconds = Math.round(spentMs / 1000);
  return new ValenceError(error.code, `${error.message} (${tries} tries in ${seconds} s)`, {
    hint: error.hint,
    context: { ...error.context, tries },
    cause: error,
  });
}
