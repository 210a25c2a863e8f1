import { isValenceError } from '../../src/core/errors.ts';
import { runOperation } from '../../test/vectors/operations.ts';
import { resolveGiven } from '../../test/vectors/vector.ts';
import type { Given, Splice, Spliced, Vector } from '../../test/vectors/vector.ts';

/** The vectors of one file in the making. What each gives is what the code gives now, which a reviewer of the file judges. */
export class VectorCollection {
  readonly #about: string;
  readonly #vectors: Vector[] = [];
  readonly #resolved = new Map<string, Given>();

  constructor(about: string) {
    this.#about = about;
  }

  /** Adds a vector that the code accepts. @throws when it does not */
  async accept(id: string, op: string, spec: string, given: Given): Promise<void> {
    const gives = await runOperation(op, this.#resolve(id, given));
    this.#vectors.push({ id, op, spec, expect: 'ok', given, gives });
  }

  /** Adds a vector that the code refuses with `expect`. @throws when it does not, or does with another code */
  async refuse(
    id: string,
    op: string,
    [spec, expect]: readonly [spec: string, code: string],
    given: Given,
  ): Promise<void> {
    const code = await this.#codeOf(op, this.#resolve(id, given));
    if (code !== expect) throw new Error(`vector ${id} gives ${code}, not ${expect}`);
    this.#vectors.push({ id, op, spec, expect, given });
  }

  /** The bytes of a field of an earlier vector. */
  bytes(id: string, field: string): Buffer {
    return Buffer.from(String(this.#resolved.get(id)?.[field]), 'hex');
  }

  render(): string {
    return `${JSON.stringify({ about: this.#about, vectors: this.#vectors }, null, 1)}\n`;
  }

  #resolve(id: string, given: Given): Given {
    if (this.#resolved.has(id)) throw new Error(`there are two vectors ${id}`);
    const resolved = resolveGiven(given, this.#resolved);
    this.#resolved.set(id, resolved);
    return resolved;
  }

  async #codeOf(op: string, given: Given): Promise<string> {
    try {
      await runOperation(op, given);
      return 'ok';
    } catch (error) {
      if (isValenceError(error)) return error.code;
      throw error;
    }
  }
}

/** The same field of an earlier vector, changed. */
export function changed(of: string, ...splice: readonly Splice[]): Spliced {
  return { of, splice };
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** So many bytes of the lowest bit of `bytes` flipped, for a splice. */
export function flipped(bytes: Uint8Array, offset: number): Splice {
  const at = offset < 0 ? bytes.length + offset : offset;
  return [offset, 1, hex(Uint8Array.of(bytes[at]! ^ 1))];
}
