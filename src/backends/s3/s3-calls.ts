import type { S3Client } from '@aws-sdk/client-s3';
import type { Clock } from '../../core/clock.ts';
import { isValenceError } from '../../core/errors.ts';
import type { ValenceError } from '../../core/errors.ts';
import { backendError } from '../backend-error.ts';
import type { Failure, FailedCall } from '../backend-error.ts';
import { translateRefusal } from './s3-errors.ts';
import { readRefusal } from './s3-refusal.ts';

/** What one call is about: its errors name it. */
export interface S3Call {
  readonly operation: string;
  readonly object?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface SendOptions {
  readonly abortSignal?: AbortSignal;
}

export interface S3Place {
  readonly client: S3Client;
  readonly name: string;
  readonly bucket: string;
  readonly prefix: string;
  /** Never to appear in an error. */
  readonly secrets: readonly string[];
  readonly clock: Clock;
}

/** One bucket and prefix, and the single way to it: errors come out translated, aborted calls with their reason. */
export class S3Calls {
  readonly bucket: string;
  readonly prefix: string;
  readonly clock: Clock;
  readonly #place: S3Place;

  constructor(place: S3Place) {
    this.#place = place;
    this.bucket = place.bucket;
    this.prefix = place.prefix;
    this.clock = place.clock;
  }

  /** What a command says of where an object lies. */
  at(name: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.bucket, Key: this.prefix + name };
  }

  async run<T>(call: S3Call, act: (client: S3Client, options: SendOptions) => Promise<T>): Promise<T> {
    const { signal } = call;
    signal?.throwIfAborted();
    let result: T;
    try {
      result = await act(this.#place.client, signal === undefined ? {} : { abortSignal: signal });
    } catch (error) {
      signal?.throwIfAborted();
      if (isValenceError(error)) throw error;
      const refusal = readRefusal(error, this.#place.secrets, this.clock);
      throw translateRefusal(refusal, this.#named(call), this.bucket);
    }
    signal?.throwIfAborted();
    return result;
  }

  error(code: Parameters<typeof backendError>[0], call: S3Call, reason: string, failure: Failure = {}): ValenceError {
    return backendError(code, this.#named(call), reason, failure);
  }

  close(): void {
    this.#place.client.destroy();
  }

  #named({ operation, object }: S3Call): FailedCall {
    return { backend: this.#place.name, operation, object };
  }
}

/** The store's own code for an error that `run` translated. */
export function storeCode(error: unknown): string | undefined {
  const code = isValenceError(error) ? error.context['storeCode'] : undefined;
  return typeof code === 'string' ? code : undefined;
}
