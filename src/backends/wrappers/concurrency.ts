import type { Backend, BackendTraits, ObjectInfo } from '../backend.ts';
import type { Act, BackendCall, OpenListing } from './passing-backend.ts';
import { PassingBackend, inSteps } from './passing-backend.ts';
import type { Slots } from './slots.ts';

/**
 * Makes calls only in a slot of `slots`, which several backends may share. A listing needs one for each of its steps, so
 * that it holds none while its consumer is busy, perhaps with calls that need one.
 */
export function limitConcurrency(inner: Backend, slots: Slots): Backend {
  return new ConcurrencyLimitedBackend(inner, slots);
}

class ConcurrencyLimitedBackend extends PassingBackend {
  readonly #slots: Slots;

  constructor(inner: Backend, slots: Slots) {
    super(inner);
    this.#slots = slots;
  }

  override get traits(): BackendTraits {
    return { ...this.inner.traits, maxConcurrency: Math.min(this.inner.traits.maxConcurrency, this.#slots.max) };
  }

  protected override around<T>(call: BackendCall, act: Act<T>): Promise<T> {
    return this.#slots.run(call.signal, () => act(call.signal));
  }

  protected override listing(call: BackendCall, open: OpenListing): AsyncIterable<ObjectInfo> {
    return inSteps(open(call.signal), (next) => this.#slots.run(call.signal, next));
  }
}
