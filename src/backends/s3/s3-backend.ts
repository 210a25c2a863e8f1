import { invariant } from '../../core/errors.ts';
import type {
  Backend,
  BackendTraits,
  CallOptions,
  GetOptions,
  ObjectInfo,
  ObjectName,
  PutOptions,
} from '../backend.ts';
import { checkObjectName, checkPrefix } from '../object-name.ts';
import { checkRange } from '../object-range.ts';
import type { S3Calls } from './s3-calls.ts';
import type { S3Puts } from './s3-put.ts';
import { OBJECT_BYTES_MAX } from './s3-read.ts';
import type { StoredObjects } from './stored-objects.ts';

/** Enough to fill a home connection with shards of a MiB; stores allow thousands. */
const CALLS_AT_ONCE = 16;

interface S3Parts {
  readonly location: string;
  readonly calls: S3Calls;
  readonly objects: StoredObjects;
  readonly puts: S3Puts;
}

/** See `openS3`. */
export class S3Backend implements Backend {
  readonly location: string;
  readonly lock?: NonNullable<Backend['lock']>;
  readonly #calls: S3Calls;
  readonly #objects: StoredObjects;
  readonly #puts: S3Puts;

  constructor({ location, calls, objects, puts }: S3Parts) {
    this.location = location;
    this.#calls = calls;
    this.#objects = objects;
    this.#puts = puts;
    const { lock } = objects;
    if (lock === undefined) return;
    this.lock = async (name, until, options = {}) => {
      checkObjectName(name);
      await lock(name, until, options);
    };
  }

  /** `conditionalPut` is false until a put has shown that the store keeps to it. */
  get traits(): BackendTraits {
    return {
      maxObjectBytes: OBJECT_BYTES_MAX,
      rangeReads: true,
      conditionalPut: this.#puts.condition === 'honoured',
      objectLock: this.lock !== undefined,
      maxConcurrency: CALLS_AT_ONCE,
    };
  }

  async put(name: ObjectName, body: Uint8Array, options: PutOptions = {}): Promise<void> {
    checkObjectName(name);
    invariant(body.length <= OBJECT_BYTES_MAX, `object of ${body.length} bytes is above the backend's maximum`);
    await this.#puts.put(name, body, options);
  }

  async get(name: ObjectName, options: GetOptions = {}): Promise<Uint8Array> {
    checkObjectName(name);
    checkRange(options.range);
    return this.#objects.get(name, options);
  }

  async stat(name: ObjectName, options: CallOptions = {}): Promise<ObjectInfo | null> {
    checkObjectName(name);
    return this.#objects.stat(name, options);
  }

  async *list(prefix: string, options: CallOptions = {}): AsyncIterable<ObjectInfo> {
    checkPrefix(prefix);
    yield* this.#objects.list(prefix, options);
  }

  async delete(name: ObjectName, options: CallOptions = {}): Promise<void> {
    checkObjectName(name);
    await this.#objects.delete(name, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#calls.close();
  }
}
