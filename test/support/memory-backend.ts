import { equalBytes } from '../../src/core/bytes.ts';
import { ValenceError } from '../../src/core/errors.ts';
import type {
  Backend,
  BackendTraits,
  CallOptions,
  GetOptions,
  ObjectInfo,
  ObjectName,
} from '../../src/backends/backend.ts';
import { checkObjectName, checkPrefix } from '../../src/backends/object-name.ts';

/** Objects in a map, for tests that need many backends or want to damage them. `objects` may be changed at will. */
export class MemoryBackend implements Backend {
  readonly location: string;
  readonly traits: BackendTraits = {
    maxObjectBytes: 1024 * 1024 * 1024,
    rangeReads: true,
    conditionalPut: true,
    objectLock: false,
    maxConcurrency: 64,
  };
  readonly objects: Map<ObjectName, Uint8Array>;

  constructor(name = 'memory', objects: Map<ObjectName, Uint8Array> = new Map()) {
    this.location = `memory:${name}`;
    this.objects = objects;
  }

  async put(name: ObjectName, body: Uint8Array, { signal }: CallOptions = {}): Promise<void> {
    checkObjectName(name);
    await turn(signal);
    const existing = this.objects.get(name);
    if (existing === undefined) this.objects.set(name, Uint8Array.from(body));
    else if (!equalBytes(existing, body)) throw this.#error('backend/already-exists', 'put', name);
  }

  async get(name: ObjectName, { range, signal }: GetOptions = {}): Promise<Uint8Array> {
    checkObjectName(name);
    await turn(signal);
    const object = this.objects.get(name);
    if (object === undefined) throw this.#error('backend/not-found', 'get', name);
    const { offset, length } = range ?? { offset: 0, length: object.length };
    if (offset + length > object.length) throw this.#error('backend/invalid-range', 'get', name);
    return object.slice(offset, offset + length);
  }

  async stat(name: ObjectName, { signal }: CallOptions = {}): Promise<ObjectInfo | null> {
    checkObjectName(name);
    await turn(signal);
    const object = this.objects.get(name);
    return object === undefined ? null : { name, sizeBytes: object.length };
  }

  async *list(prefix: string, { signal }: CallOptions = {}): AsyncIterable<ObjectInfo> {
    checkPrefix(prefix);
    await turn(signal);
    const objects = [...this.objects];
    for (const [name, { length }] of objects) {
      signal?.throwIfAborted();
      if (name.startsWith(prefix)) yield { name, sizeBytes: length };
    }
  }

  async delete(name: ObjectName, { signal }: CallOptions = {}): Promise<void> {
    checkObjectName(name);
    await turn(signal);
    this.objects.delete(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #error(
    code: 'backend/already-exists' | 'backend/not-found' | 'backend/invalid-range',
    operation: string,
    name: string,
  ): ValenceError {
    return new ValenceError(code, `backend ${this.location}: ${operation} ${name}: ${code}`, {
      context: { backend: this.location, operation, name },
    });
  }
}

/** Lets other calls run first, as every real backend does, so that an abort can come in between. */
async function turn(signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  await Promise.resolve();
  signal?.throwIfAborted();
}
