import { equalBytes } from '../../core/bytes.ts';
import type { ValenceError } from '../../core/errors.ts';
import { isValenceError } from '../../core/errors.ts';
import { sha256 } from '../../format/shard/name.ts';
import type { Backend, CallOptions, GetOptions, ObjectInfo, ObjectName, PutOptions } from '../backend.ts';
import { backendError } from '../backend-error.ts';
import { checkObjectName } from '../object-name.ts';
import { objectRange } from './object-range.ts';
import { PassingBackend } from './passing-backend.ts';

export interface DryRunOptions {
  /** How errors call the backend. */
  readonly name: string;
  /** Bodies above this, added up, are forgotten but for size and digest. 64 MiB unless given. */
  readonly keptBytesMax?: number | undefined;
}

export interface Count {
  readonly objects: number;
  readonly bytes: number;
}

/** What would have been done. */
export interface DryRunPlan {
  readonly put: Count;
  readonly deleted: Count;
}

export interface DryRunBackend extends Backend {
  plan(): DryRunPlan;
}

/**
 * Reads go through, writes are only counted, and seen by the reads of this backend: `get` of a body that was too much to
 * keep rejects `backend/unavailable`. Locks are not held against deletes.
 */
export function dryRun(inner: Backend, options: DryRunOptions): DryRunBackend {
  return new PretendingBackend(inner, options);
}

/** An object as this run would have left it; `body` is `null` where it was too much to keep. */
interface Pretended {
  readonly sizeBytes: number;
  readonly digest: Uint8Array;
  readonly body: Uint8Array | null;
}

class PretendingBackend extends PassingBackend implements DryRunBackend {
  readonly #name: string;
  readonly #keptBytesMax: number;
  /** `null`: deleted in this run. */
  readonly #changed = new Map<ObjectName, Pretended | null>();
  #keptBytes = 0;
  #put: Count = { objects: 0, bytes: 0 };
  #deleted: Count = { objects: 0, bytes: 0 };

  constructor(inner: Backend, { name, keptBytesMax = 64 * 1024 * 1024 }: DryRunOptions) {
    super(inner);
    this.#name = name;
    this.#keptBytesMax = keptBytesMax;
  }

  plan(): DryRunPlan {
    return { put: this.#put, deleted: this.#deleted };
  }

  override async put(name: ObjectName, body: Uint8Array, { signal }: PutOptions = {}): Promise<void> {
    checkObjectName(name);
    if (!this.#changed.has(name) && (await this.#isStored(name, body, signal))) return;
    signal?.throwIfAborted();
    const digest = sha256(body);
    const pretended = this.#changed.get(name) ?? null;
    if (pretended === null) this.#pretendPut(name, body, digest);
    else if (!equalBytes(pretended.digest, digest)) throw this.#exists(name);
  }

  override async get(name: ObjectName, options: GetOptions = {}): Promise<Uint8Array> {
    checkObjectName(name);
    const pretended = this.#changed.get(name);
    if (pretended === undefined) return this.inner.get(name, options);
    options.signal?.throwIfAborted();
    const call = { backend: this.#name, operation: 'get', object: name };
    if (pretended === null) throw backendError('backend/not-found', call, 'deleted in this dry run');
    if (pretended.body !== null) return objectRange(pretended.body, options.range, call);
    throw backendError('backend/unavailable', call, 'this dry run has not kept its bytes', { transient: false });
  }

  override async stat(name: ObjectName, options: CallOptions = {}): Promise<ObjectInfo | null> {
    checkObjectName(name);
    const pretended = this.#changed.get(name);
    if (pretended === undefined) return this.inner.stat(name, options);
    options.signal?.throwIfAborted();
    return pretended && { name, sizeBytes: pretended.sizeBytes };
  }

  override async *list(prefix: string, options: CallOptions = {}): AsyncIterable<ObjectInfo> {
    for await (const object of this.inner.list(prefix, options)) if (!this.#changed.has(object.name)) yield object;
    for (const [name, pretended] of [...this.#changed]) {
      options.signal?.throwIfAborted();
      if (pretended !== null && name.startsWith(prefix)) yield { name, sizeBytes: pretended.sizeBytes };
    }
  }

  override async delete(name: ObjectName, options: CallOptions = {}): Promise<void> {
    const there = await this.stat(name, options);
    const pretended = this.#changed.get(name);
    if (there === null || pretended === null) return;
    this.#changed.set(name, null);
    if (pretended === undefined) this.#deleted = plus(this.#deleted, there.sizeBytes);
    else this.#forget(pretended);
  }

  protected override async lockObject(name: ObjectName, _: number, options?: CallOptions): Promise<void> {
    if ((await this.stat(name, options)) !== null) return;
    throw backendError('backend/not-found', { backend: this.#name, operation: 'lock', object: name }, 'no such object');
  }

  /**
   * Whether the store has the object. To a key that cannot read it says no more than that something is there, and the
   * names of ours say what. @throws `backend/already-exists` if the content is another
   */
  async #isStored(name: ObjectName, body: Uint8Array, signal: AbortSignal | undefined): Promise<boolean> {
    try {
      const there = await this.inner.stat(name, { signal });
      if (there === null) return false;
      const equal = there.sizeBytes === body.length && equalBytes(await this.inner.get(name, { signal }), body);
      if (equal) return true;
    } catch (error) {
      if (isValenceError(error, 'backend/denied')) return true;
      throw error;
    }
    throw this.#exists(name);
  }

  #pretendPut(name: ObjectName, body: Uint8Array, digest: Uint8Array): void {
    const keeps = this.#keptBytes + body.length <= this.#keptBytesMax;
    if (keeps) this.#keptBytes += body.length;
    this.#changed.set(name, { sizeBytes: body.length, digest, body: keeps ? Uint8Array.from(body) : null });
    this.#put = plus(this.#put, body.length);
  }

  /** It would be there no more, so it is counted no more. */
  #forget({ sizeBytes, body }: Pretended): void {
    if (body !== null) this.#keptBytes -= body.length;
    this.#put = { objects: this.#put.objects - 1, bytes: this.#put.bytes - sizeBytes };
  }

  #exists(name: ObjectName): ValenceError {
    const call = { backend: this.#name, operation: 'put', object: name };
    return backendError('backend/already-exists', call, 'it exists with other content', {
      hint: 'the names of objects are never used again; check that no other vault is kept there',
    });
  }
}

function plus({ objects, bytes }: Count, sizeBytes: number): Count {
  return { objects: objects + 1, bytes: bytes + sizeBytes };
}
