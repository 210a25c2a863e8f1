import type { BackendTraits, ObjectName, PutOptions } from '../../src/backends/backend.ts';
import { MemoryBackend } from './memory-backend.ts';

interface HeldPut {
  readonly name: ObjectName;
  readonly release: () => void;
  readonly refuse: (error: unknown) => void;
}

/** Takes nothing until it is told to: a put waits for `release` or `refuse`, or for its signal. */
export class HeldBackend extends MemoryBackend {
  override readonly traits: BackendTraits;
  /** Puts that wait, oldest first. */
  readonly held: HeldPut[] = [];
  /** Bytes of the puts under way, and the most there ever were. */
  heldBytes = 0;
  mostHeldBytes = 0;
  #refusal: { readonly error: unknown } | null = null;
  #isOpen = false;

  constructor(name: string, traits: Partial<BackendTraits> = {}) {
    super(name);
    this.traits = { ...new MemoryBackend(name).traits, ...traits };
  }

  override async put(name: ObjectName, body: Uint8Array, options: PutOptions = {}): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const { signal } = options;
    signal?.throwIfAborted();
    const aborted = (): void => reject(signal!.reason);
    signal?.addEventListener('abort', aborted, { once: true });
    const put = { name, release: resolve, refuse: reject };
    this.held.push(put);
    this.heldBytes += body.length;
    this.mostHeldBytes = Math.max(this.mostHeldBytes, this.heldBytes);
    if (this.#isOpen) resolve();
    if (this.#refusal !== null) reject(this.#refusal.error);
    try {
      await promise;
      await super.put(name, body, options);
    } finally {
      signal?.removeEventListener('abort', aborted);
      this.held.splice(this.held.indexOf(put), 1);
      this.heldBytes -= body.length;
    }
  }

  /** Lets everything through, now and from now on. */
  open(): void {
    this.#isOpen = true;
    for (const { release } of this.held) release();
  }

  /** Refuses everything, now and from now on. */
  refuse(error: unknown): void {
    this.#refusal = { error };
    for (const put of this.held) put.refuse(error);
  }
}
