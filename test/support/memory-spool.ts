import { ValenceError } from '../../src/core/errors.ts';
import type { SpoolFiles } from '../../src/pipeline/spool.ts';

/** Spool files in a map. Each operation waits for `gate`, so that a test can hold it, and fails while `failing` is set. */
export class MemorySpoolFiles implements SpoolFiles {
  readonly files: Map<string, Uint8Array> = new Map();
  failing: 'write' | 'take' | null = null;
  gate: Promise<void> = Promise.resolve();

  async write(path: string, bytes: Uint8Array): Promise<void> {
    // A disk that is full leaves a part of the file.
    this.files.set(path, bytes.slice(0, 1));
    await this.gate;
    if (this.failing === 'write') throw new ValenceError('backend/full', 'the disk is full');
    this.files.set(path, bytes.slice());
  }

  async take(path: string): Promise<Uint8Array> {
    await this.gate;
    const bytes = this.files.get(path);
    if (bytes === undefined || this.failing === 'take')
      throw new ValenceError('backend/unavailable', 'the disk does not read');
    this.files.delete(path);
    return bytes;
  }

  async remove(path: string): Promise<void> {
    await this.gate;
    this.files.delete(path);
  }

  get bytes(): number {
    return [...this.files.values()].reduce((sum, { length }) => sum + length, 0);
  }
}
