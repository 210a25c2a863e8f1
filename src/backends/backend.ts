/**
 * The contract of a place that keeps opaque, immutable objects by name. It knows nothing of encryption, erasure coding
 * or the graph.
 *
 * Every implementation guarantees:
 * - an object is absent or whole, never partial, also after a crash or a power cut once `put` has resolved;
 * - a name given to a resolved `put` is at once readable and listed;
 * - `put` of an existing name with equal content succeeds and changes nothing, with other content rejects
 *   `backend/already-exists`;
 * - `delete` of an absent name resolves;
 * - an aborted signal rejects with `signal.reason`, and leaves no partial object;
 * - errors are translated here, once: `backend/unavailable`, `backend/full`, `backend/not-found`,
 *   `backend/invalid-range`, `backend/already-exists`, each naming the backend and the operation.
 */

/**
 * A relative path of `/`-separated segments; each segment matches `[a-z0-9][a-z0-9._-]*` and is at most 128 characters,
 * the whole at most 512. Anything else is refused with `internal/invariant` before it reaches the store.
 */
export type ObjectName = string;

export interface ObjectInfo {
  readonly name: ObjectName;
  readonly sizeBytes: number;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface GetOptions extends CallOptions {
  /** Bytes [offset, offset + length). A range that ends after the object rejects `backend/invalid-range`. */
  readonly range?: { readonly offset: number; readonly length: number } | undefined;
}

export interface BackendTraits {
  /** Largest object it takes, in bytes. */
  readonly maxObjectBytes: number;
  readonly rangeReads: boolean;
  /** `put` refuses to replace an existing object atomically, also between processes. */
  readonly conditionalPut: boolean;
  readonly objectLock: boolean;
  /** How many calls may be under way at once. */
  readonly maxConcurrency: number;
}

export interface ReadableBackend {
  /** Printable, with secrets removed. */
  readonly location: string;
  readonly traits: BackendTraits;
  /** The whole object, or the range. @throws `backend/not-found` */
  get(name: ObjectName, options?: GetOptions): Promise<Uint8Array>;
  /** `null`: absent. */
  stat(name: ObjectName, options?: CallOptions): Promise<ObjectInfo | null>;
  /** Each object whose name starts with `prefix` exactly once, in no promised order. `prefix` is `''` or ends in `/`. */
  list(prefix: string, options?: CallOptions): AsyncIterable<ObjectInfo>;
}

export interface Backend extends ReadableBackend, AsyncDisposable {
  put(name: ObjectName, body: Uint8Array, options?: CallOptions): Promise<void>;
  delete(name: ObjectName, options?: CallOptions): Promise<void>;
}
