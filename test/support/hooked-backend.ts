import type {
  Backend,
  BackendTraits,
  CallOptions,
  GetOptions,
  ObjectInfo,
  ObjectName,
} from '../../src/backends/backend.ts';

export interface BackendCall {
  readonly operation: 'put' | 'get' | 'stat' | 'list' | 'delete';
  /** Of the object, or the prefix that is listed. */
  readonly name: string;
}

export interface BackendHooks {
  /** Awaited before the call is made; what it throws comes out in place of a result. */
  readonly before?: (call: BackendCall) => Promise<void> | void;
  /** Awaited after the call has been carried out, before anybody hears of it. */
  readonly after?: (call: BackendCall) => Promise<void> | void;
  /** Whether a listing shows the object. */
  readonly shows?: (object: ObjectInfo) => boolean;
}

/** Another backend, with something done or thrown before and after its calls, and objects left out of its listings. */
export function hookedBackend(inner: Backend, hooks: BackendHooks): Backend {
  return new HookedBackend(inner, hooks);
}

class HookedBackend implements Backend {
  readonly #inner: Backend;
  readonly #hooks: BackendHooks;

  constructor(inner: Backend, hooks: BackendHooks) {
    this.#inner = inner;
    this.#hooks = hooks;
  }

  get location(): string {
    return this.#inner.location;
  }

  get traits(): BackendTraits {
    return this.#inner.traits;
  }

  put(name: ObjectName, body: Uint8Array, options?: CallOptions): Promise<void> {
    return this.#around({ operation: 'put', name }, () => this.#inner.put(name, body, options));
  }

  get(name: ObjectName, options?: GetOptions): Promise<Uint8Array> {
    return this.#around({ operation: 'get', name }, () => this.#inner.get(name, options));
  }

  stat(name: ObjectName, options?: CallOptions): Promise<ObjectInfo | null> {
    return this.#around({ operation: 'stat', name }, () => this.#inner.stat(name, options));
  }

  delete(name: ObjectName, options?: CallOptions): Promise<void> {
    return this.#around({ operation: 'delete', name }, () => this.#inner.delete(name, options));
  }

  async *list(prefix: string, options?: CallOptions): AsyncIterable<ObjectInfo> {
    const call = { operation: 'list', name: prefix } as const;
    await this.#hooks.before?.(call);
    for await (const object of this.#inner.list(prefix, options)) {
      if (this.#hooks.shows?.(object) ?? true) yield object;
    }
    await this.#hooks.after?.(call);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve(this.#inner[Symbol.asyncDispose]());
  }

  async #around<T>(call: BackendCall, act: () => Promise<T>): Promise<T> {
    await this.#hooks.before?.(call);
    const result = await act();
    await this.#hooks.after?.(call);
    return result;
  }
}
