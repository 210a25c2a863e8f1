import type { BackendTraits, CallOptions, ObjectName, PutOptions } from '../../src/backends/backend.ts';
import { backendError } from '../../src/backends/backend-error.ts';
import type { Clock } from '../../src/core/clock.ts';
import { MemoryBackend } from './memory-backend.ts';

/** A memory backend with object lock. `locks` holds the end of each. */
export class LockingMemoryBackend extends MemoryBackend {
  readonly #clock: Clock;
  readonly locks: Map<ObjectName, number> = new Map();
  override readonly traits: BackendTraits = {
    maxObjectBytes: 1024 * 1024 * 1024,
    rangeReads: true,
    conditionalPut: true,
    objectLock: true,
    maxConcurrency: 64,
  };

  constructor(clock: Clock, name = 'locking') {
    super(name);
    this.#clock = clock;
  }

  override async put(name: ObjectName, body: Uint8Array, options: PutOptions = {}): Promise<void> {
    await super.put(name, body, options);
    if (options.lockedUntil !== undefined) await this.lock(name, options.lockedUntil);
  }

  override async delete(name: ObjectName, options: CallOptions = {}): Promise<void> {
    const until = this.locks.get(name) ?? 0;
    const call = { backend: this.location, operation: 'delete', object: name };
    if (until > this.#clock.now()) throw backendError('backend/locked', call, `locked until ${until}`);
    await super.delete(name, options);
    this.locks.delete(name);
  }

  async lock(name: ObjectName, until: number, options: CallOptions = {}): Promise<void> {
    const call = { backend: this.location, operation: 'lock', object: name };
    if ((await this.stat(name, options)) === null) throw backendError('backend/not-found', call, 'no such object');
    this.locks.set(name, Math.max(until, this.locks.get(name) ?? 0));
  }
}
