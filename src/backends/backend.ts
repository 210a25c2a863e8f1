/**
 * The contract of a place that keeps opaque, immutable objects by name. It knows nothing of encryption, erasure coding
 * or the graph.
 *
 * Every implementation, and every wrapper around one, guarantees:
 * - an object is absent or whole, never partial, also after a crash or a power cut once `put` has resolved;
 * - a name given to a resolved `put` is at once readable and listed;
 * - `put` of an existing name with equal content succeeds and changes nothing, with other content rejects
 *   `backend/already-exists`;
 * - `delete` of an absent name resolves; where a lock forbids it, it rejects `backend/locked` and the object stays;
 * - an aborted signal rejects with `signal.reason`, and leaves no partial object;
 * - a body is whole bytes that the caller does not change before `put` settles, so that a call can begin again from
 *   byte zero;
 * - errors are translated here, once, each naming the backend and the operation (`backend-error.ts`):
 *   `backend/unavailable` (worth another try unless `transient` says no), `backend/denied`, `backend/full`,
 *   `backend/not-found`, `backend/invalid-range`, `backend/already-exists`, `backend/locked`, `backend/archived`. No error
 *   and no `location` carries a secret;
 * - memory is bounded by the calls under way, and no call retries for ever.
 *
 * `test/contract` holds all of them to it, and `valence backend check` holds a user's own store to it.
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

export interface PutOptions extends CallOptions {
  /** Milliseconds since 1970-01-01T00:00:00Z until which nobody may delete it. Honoured where `traits.objectLock`. */
  readonly lockedUntil?: number | undefined;
}

export interface GetOptions extends CallOptions {
  /** Bytes [offset, offset + length). A range that ends after the object rejects `backend/invalid-range`. */
  readonly range?: { readonly offset: number; readonly length: number } | undefined;
  /**
   * SHA-256 of the whole object, where the caller knows it. A store that keeps versions then looks for the one that has
   * it, so that nobody hides an object by writing over it. It is no promise: the caller checks what it gets.
   */
  readonly digest?: Uint8Array | undefined;
}

export interface BackendTraits {
  /** Largest object it takes, in bytes. */
  readonly maxObjectBytes: number;
  readonly rangeReads: boolean;
  /** `put` refuses to replace an existing object atomically, also between processes. */
  readonly conditionalPut: boolean;
  /** `put` and `lock` can protect an object from everybody until a time. */
  readonly objectLock: boolean;
  /** How many calls may be under way at once. */
  readonly maxConcurrency: number;
}

export interface ReadableBackend {
  /** Printable, with secrets removed. */
  readonly location: string;
  readonly traits: BackendTraits;
  /** The whole object, or the range. @throws `backend/not-found`; `backend/archived` where it must be warmed first */
  get(name: ObjectName, options?: GetOptions): Promise<Uint8Array>;
  /** `null`: absent. */
  stat(name: ObjectName, options?: CallOptions): Promise<ObjectInfo | null>;
  /** Each object whose name starts with `prefix` exactly once, in no promised order. `prefix` is `''` or ends in `/`. */
  list(prefix: string, options?: CallOptions): AsyncIterable<ObjectInfo>;
}

export interface Backend extends ReadableBackend, AsyncDisposable {
  put(name: ObjectName, body: Uint8Array, options?: PutOptions): Promise<void>;
  delete(name: ObjectName, options?: CallOptions): Promise<void>;
  /**
   * Only where `traits.objectLock`: nobody may delete this object before `until` (milliseconds since 1970). A lock is made
   * longer, never shorter. @throws `backend/not-found`
   */
  readonly lock?: (name: ObjectName, until: number, options?: CallOptions) => Promise<void>;
}
