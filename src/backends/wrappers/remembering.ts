import { equalBytes } from '../../core/bytes.ts';
import type { FileSystem } from '../../core/file-system.ts';
import { isValenceError } from '../../core/errors.ts';
import { sha256 } from '../../format/shard/name.ts';
import type { Backend, CallOptions, GetOptions, ObjectInfo, ObjectName, PutOptions } from '../backend.ts';
import { isNeeded, KeptObjects } from './kept-objects.ts';
import { objectRange } from './object-range.ts';
import { PassingBackend } from './passing-backend.ts';

export interface RememberingOptions {
  /** How errors call the backend. */
  readonly name: string;
  /** A folder of this host for this backend alone; made when first needed. */
  readonly folder: string;
  /** 256 MiB unless given: some sixty of the largest index segments. */
  readonly maxBytes?: number | undefined;
  readonly files?: FileSystem | undefined;
}

const MIB = 1024 * 1024;
/** The largest manifests and index segments are below. */
const OBJECT_BYTES_MAX = 5 * MIB;

const isRemembered = (name: ObjectName, sizeBytes: number): boolean =>
  !name.startsWith('shards/') && sizeBytes <= OBJECT_BYTES_MAX;

/**
 * For a key that may write and list but not read: keeps a copy of each small shared object (not of shards) that this host
 * puts, and of `valence.json` and keys also when it gets them, as long as the key may; and answers `get` and `stat` from it where the store says `backend/denied`. It cannot know whether the object has
 * been deleted by somebody else since. `put` also rejects, as core/files.ts does, where the copy cannot be kept; made again
 * it does what is missing.
 */
export function rememberWrites(inner: Backend, options: RememberingOptions): Backend {
  return new RememberingBackend(inner, options);
}

class RememberingBackend extends PassingBackend {
  readonly #name: string;
  readonly #kept: KeptObjects;

  constructor(inner: Backend, { name, folder, maxBytes = 256 * MIB, files }: RememberingOptions) {
    super(inner);
    this.#name = name;
    this.#kept = new KeptObjects(folder, maxBytes, files);
  }

  override async put(name: ObjectName, body: Uint8Array, options?: PutOptions): Promise<void> {
    await this.inner.put(name, body, options);
    if (isRemembered(name, body.length)) await this.#kept.keep(name, body);
  }

  override async delete(name: ObjectName, options?: CallOptions): Promise<void> {
    await this.inner.delete(name, options);
    await this.#kept.forget(name);
  }

  override async get(name: ObjectName, options?: GetOptions): Promise<Uint8Array> {
    let object: Uint8Array;
    try {
      object = await this.inner.get(name, options);
    } catch (error) {
      object = await this.#recall(error, name);
      const isOther = options?.digest !== undefined && !equalBytes(sha256(object), options.digest);
      if (isOther) throw error;
      return objectRange(object, options?.range, { backend: this.#name, operation: 'get', object: name });
    }
    if (isNeeded(name) && options?.range === undefined) await this.#keepRead(name, object);
    return object;
  }

  override async stat(name: ObjectName, options?: CallOptions): Promise<ObjectInfo | null> {
    try {
      return await this.inner.stat(name, options);
    } catch (error) {
      const { length } = await this.#recall(error, name);
      return { name, sizeBytes: length };
    }
  }

  /** A copy is a precaution: that it cannot be kept must not stop who only reads. */
  async #keepRead(name: ObjectName, object: Uint8Array): Promise<void> {
    try {
      const kept = await this.#kept.read(name);
      if (kept === null || !equalBytes(kept, object)) await this.#kept.keep(name, object);
    } catch (error) {
      if (!isValenceError(error)) throw error;
    }
  }

  /** @throws `error` itself unless it is a denial and the object is kept */
  async #recall(error: unknown, name: ObjectName): Promise<Uint8Array> {
    if (!isValenceError(error, 'backend/denied')) throw error;
    const object = await this.#kept.read(name);
    if (object === null) throw error;
    return object;
  }
}
