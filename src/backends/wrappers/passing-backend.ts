import type {
  Backend,
  BackendTraits,
  CallOptions,
  GetOptions,
  ObjectInfo,
  ObjectName,
  PutOptions,
} from '../backend.ts';

/** A verb of backend.ts. */
export type BackendOperation = 'put' | 'get' | 'stat' | 'list' | 'delete' | 'lock';

export interface BackendCall {
  readonly operation: BackendOperation;
  /** Of the object, or the prefix that is listed. */
  readonly name: string;
  /** Of `put` the body, of `get` the range, or `null` for the whole object; otherwise 0. */
  readonly sizeBytes: number | null;
  readonly signal: AbortSignal | undefined;
}

/** Makes the call; each time anew, so that it can be made again. */
export type Act<T> = (signal: AbortSignal | undefined) => Promise<T>;
export type OpenListing = (signal: AbortSignal | undefined) => AsyncIterable<ObjectInfo>;

/**
 * Another backend, unchanged: what every wrapper begins with. A wrapper that treats all calls alike overrides `around`
 * and `listing`, another one the verbs it is about. Disposing of a wrapper disposes of what it wraps.
 */
export class PassingBackend implements Backend {
  protected readonly inner: Backend;
  readonly lock?: NonNullable<Backend['lock']>;

  constructor(inner: Backend) {
    this.inner = inner;
    if (inner.lock !== undefined) this.lock = (name, until, options) => this.lockObject(name, until, options);
  }

  get location(): string {
    return this.inner.location;
  }

  get traits(): BackendTraits {
    return this.inner.traits;
  }

  async put(name: ObjectName, body: Uint8Array, options?: PutOptions): Promise<void> {
    const call: BackendCall = { operation: 'put', name, sizeBytes: body.length, signal: options?.signal };
    return this.around(call, (signal) => this.inner.put(name, body, { ...options, signal }));
  }

  async get(name: ObjectName, options?: GetOptions): Promise<Uint8Array> {
    const sizeBytes = options?.range?.length ?? null;
    const call: BackendCall = { operation: 'get', name, sizeBytes, signal: options?.signal };
    return this.around(call, (signal) => this.inner.get(name, { ...options, signal }));
  }

  async stat(name: ObjectName, options?: CallOptions): Promise<ObjectInfo | null> {
    const call: BackendCall = { operation: 'stat', name, sizeBytes: 0, signal: options?.signal };
    return this.around(call, (signal) => this.inner.stat(name, { ...options, signal }));
  }

  list(prefix: string, options?: CallOptions): AsyncIterable<ObjectInfo> {
    const call: BackendCall = { operation: 'list', name: prefix, sizeBytes: 0, signal: options?.signal };
    return this.listing(call, (signal) => this.inner.list(prefix, { ...options, signal }));
  }

  async delete(name: ObjectName, options?: CallOptions): Promise<void> {
    const call: BackendCall = { operation: 'delete', name, sizeBytes: 0, signal: options?.signal };
    return this.around(call, (signal) => this.inner.delete(name, { ...options, signal }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.inner[Symbol.asyncDispose]();
  }

  /** What `lock` does, where the inner one has it. */
  protected async lockObject(name: ObjectName, until: number, options?: CallOptions): Promise<void> {
    const call: BackendCall = { operation: 'lock', name, sizeBytes: 0, signal: options?.signal };
    return this.around(call, async (signal) => this.inner.lock?.(name, until, { ...options, signal }));
  }

  /** Every call but `list` passes here. */
  protected around<T>(call: BackendCall, act: Act<T>): Promise<T> {
    return act(call.signal);
  }

  protected listing(call: BackendCall, open: OpenListing): AsyncIterable<ObjectInfo> {
    return open(call.signal);
  }
}

export type Step = IteratorResult<ObjectInfo, unknown>;

/**
 * A listing taken one object at a time, each by way of `step`, which must call `next` at most once. One that the consumer
 * leaves is ended before this one ends; one whose step failed is ended too, but not waited for, since it may hang.
 */
export async function* inSteps(
  listing: AsyncIterable<ObjectInfo>,
  step: (next: () => Promise<Step>) => Promise<Step>,
): AsyncGenerator<ObjectInfo, void, undefined> {
  const objects = listing[Symbol.asyncIterator]();
  let state: 'waiting' | 'working' | 'ended' = 'working';
  try {
    for (;;) {
      state = 'working';
      const { done, value } = await step(() => objects.next());
      if (done === true) {
        state = 'ended';
        return;
      }
      state = 'waiting';
      yield value;
    }
  } finally {
    if (state === 'waiting') await objects.return?.();
    if (state === 'working') objects.return?.().catch(() => undefined);
  }
}
