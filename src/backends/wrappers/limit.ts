import type { Timer } from '../../core/clock.ts';
import { SHARD_BYTES_MAX } from '../../core/limits.ts';
import type { Backend, ObjectInfo } from '../backend.ts';
import { isTransient } from '../backend-error.ts';
import { objectsInPages } from './listing-pages.ts';
import type { Act, BackendCall, OpenListing } from './passing-backend.ts';
import { PassingBackend } from './passing-backend.ts';
import { TokenBucket } from './token-bucket.ts';

/** All a second; `null`: no limit. */
export interface LimitRates {
  readonly uploadBytes: number | null;
  readonly downloadBytes: number | null;
  readonly operations: number | null;
}

/** The limits of one backend, or of several that share a line. May be changed while calls are under way. */
export class Limits {
  readonly upload: TokenBucket;
  readonly download: TokenBucket;
  readonly operations: TokenBucket;

  constructor(timer: Timer, rates: Partial<LimitRates> = {}) {
    this.upload = new TokenBucket(timer, rates.uploadBytes ?? null);
    this.download = new TokenBucket(timer, rates.downloadBytes ?? null);
    this.operations = new TokenBucket(timer, rates.operations ?? null);
  }

  get rates(): LimitRates {
    return { uploadBytes: this.upload.rate, downloadBytes: this.download.rate, operations: this.operations.rate };
  }

  /** What is not named stays as it is. Holds at once, for calls that wait too. */
  change(rates: Partial<LimitRates>): void {
    if (rates.uploadBytes !== undefined) this.upload.rate = rates.uploadBytes;
    if (rates.downloadBytes !== undefined) this.download.rate = rates.downloadBytes;
    if (rates.operations !== undefined) this.operations.rate = rates.operations;
  }
}

/**
 * Begins calls no faster than `limits` allow. Bodies are whole, so one runs at the speed of the line and those after it
 * wait: the limit holds over seconds, not within a body.
 */
export function limitRates(inner: Backend, limits: Limits): Backend {
  return new RateLimitedBackend(inner, limits);
}

class RateLimitedBackend extends PassingBackend {
  readonly #limits: Limits;

  constructor(inner: Backend, limits: Limits) {
    super(inner);
    this.#limits = limits;
  }

  protected override async around<T>(call: BackendCall, act: Act<T>): Promise<T> {
    const { operations, upload } = this.#limits;
    await operations.take(1, call.signal);
    if (call.operation === 'get') return this.#download(call, act);
    if (call.operation === 'put') await this.#orGiveBackTurn(upload.take(call.sizeBytes ?? 0, call.signal));
    return act(call.signal);
  }

  /** A whole object counts as a shard until it is there. */
  async #download<T>(call: BackendCall, act: Act<T>): Promise<T> {
    const { download } = this.#limits;
    const expected = call.sizeBytes ?? SHARD_BYTES_MAX;
    await this.#orGiveBackTurn(download.take(expected, call.signal));
    try {
      const result = await act(call.signal);
      if (result instanceof Uint8Array) download.giveBack(expected - result.length);
      return result;
    } catch (error) {
      // After a broken connection nobody knows how much came; anything else is an answer without a body.
      if (!isTransient(error)) download.giveBack(expected);
      throw error;
    }
  }

  async #orGiveBackTurn(waiting: Promise<void>): Promise<void> {
    try {
      await waiting;
    } catch (error) {
      this.#limits.operations.giveBack(1);
      throw error;
    }
  }

  protected override listing(call: BackendCall, open: OpenListing): AsyncIterable<ObjectInfo> {
    return objectsInPages(open(call.signal), () => this.#limits.operations.take(1, call.signal));
  }
}
