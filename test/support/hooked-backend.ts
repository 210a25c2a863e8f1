import type { Backend, ObjectInfo } from '../../src/backends/backend.ts';
import type { Act, BackendCall, OpenListing } from '../../src/backends/wrappers/passing-backend.ts';
import { PassingBackend } from '../../src/backends/wrappers/passing-backend.ts';

export type { BackendCall } from '../../src/backends/wrappers/passing-backend.ts';

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

class HookedBackend extends PassingBackend {
  readonly #hooks: BackendHooks;

  constructor(inner: Backend, hooks: BackendHooks) {
    super(inner);
    this.#hooks = hooks;
  }

  protected override async *listing(call: BackendCall, open: OpenListing): AsyncIterable<ObjectInfo> {
    await this.#hooks.before?.(call);
    for await (const object of open(call.signal)) {
      if (this.#hooks.shows?.(object) ?? true) yield object;
    }
    await this.#hooks.after?.(call);
  }

  protected override async around<T>(call: BackendCall, act: Act<T>): Promise<T> {
    await this.#hooks.before?.(call);
    const result = await act(call.signal);
    await this.#hooks.after?.(call);
    return result;
  }
}
