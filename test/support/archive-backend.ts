import { backendError } from '../../src/backends/backend-error.ts';
import { MemoryBackend } from './memory-backend.ts';

/** Brings an object back after it was asked for so many times. */
export class ArchiveBackend extends MemoryBackend {
  readonly asked: Map<string, number> = new Map();
  readonly #after: number;

  constructor(name: string, after: number) {
    super(name);
    this.#after = after;
  }

  override async get(...[name, options]: Parameters<MemoryBackend['get']>): Promise<Uint8Array> {
    const bytes = await super.get(name, options);
    const times = (this.asked.get(name) ?? 0) + 1;
    this.asked.set(name, times);
    if (times <= this.#after)
      throw backendError('backend/archived', { backend: this.location, operation: 'get', object: name }, 'not yet');
    return bytes;
  }
}
