import { invariant } from '../../core/errors.ts';
import { multiply } from './field.ts';
import { KERNEL_BASE64 } from './kernel.generated.ts';
import type { Matrix } from './matrix.ts';

/**
 * Runs the WebAssembly of kernel.wat over shards of any length. There is one instance with one memory of a fixed size,
 * which holds the tables of one combination and a block of every input and output:
 *
 *     0            TABLE_BYTES                        MEMORY_BYTES
 *     | tables ... | input 0 | ... | output 0 | ... |
 *
 * Everything here is synchronous, so no two combinations are ever in that memory at once.
 */

/** Inputs and outputs of a combination are together at most 255, so tables take at most 127 * 128 * 32 bytes. */
const SHARDS_MAX = 255;
const TABLE_BYTES = 524_288;
const MEMORY_BYTES = 18 * 65_536;
/** Blocks longer than this gain nothing, and shorter ones cost calls. */
const BLOCK_BYTES_MAX = 32_768;
/** Bytes of one step of the kernel. */
const COLUMN_BYTES = 32;
/** Keeps blocks from starting at the same set of the cache, which powers of two would. */
const SKEW_BYTES = 64;
/** How many outputs the functions of the kernel compute at once, the widest first. */
const WIDTHS = [4, 2, 1] as const;

/** Six numbers, as WebAssembly takes them. */
// oxlint-disable-next-line max-params -- the signature of the kernel's functions
type Combine = (tables: number, input: number, count: number, stride: number, output: number, length: number) => void;
type Kernel = Readonly<Record<`combine${(typeof WIDTHS)[number]}`, Combine>> & {
  readonly memory: { readonly buffer: ArrayBuffer };
};

/** The part we use of a global that TypeScript declares only for browsers. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

const kernel = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(KERNEL_BASE64, 'base64'))).exports as Kernel;
const memory = new Uint8Array(kernel.memory.buffer);

/** A matrix over GF(2^8) made ready for the kernel: outputs = matrix * inputs. */
export interface Combination {
  readonly inputs: number;
  readonly outputs: number;
  /** For each group of outputs, each input, each output of the group: 16 low products, then 16 high ones. */
  readonly tables: Uint8Array;
}

/** @throws `internal/invariant` when rows and columns are together more than 255 */
export function combination(rows: Matrix): Combination {
  const inputs = rows[0]?.length ?? 0;
  invariant(inputs + rows.length <= SHARDS_MAX, 'combination is too large');
  const tables = new Uint8Array(rows.length * inputs * 32);
  let offset = 0;
  for (const [first, width] of groups(rows.length)) {
    for (let input = 0; input < inputs; input++) {
      for (const row of rows.slice(first, first + width)) {
        writeProducts(tables, offset, row[input]!);
        offset += 32;
      }
    }
  }
  return { inputs, outputs: rows.length, tables };
}

/** The products of one factor with every low and every high nibble. */
function writeProducts(tables: Uint8Array, offset: number, factor: number): void {
  for (let nibble = 0; nibble < 16; nibble++) {
    tables[offset + nibble] = multiply(factor, nibble);
    tables[offset + 16 + nibble] = multiply(factor, nibble << 4);
  }
}

/**
 * Overwrites every output with its linear combination of the inputs. All arrays have one length, and no output shares
 * memory with an input. @throws `internal/invariant` otherwise (sharing is not checked)
 */
export function combine(plan: Combination, inputs: readonly Uint8Array[], outputs: readonly Uint8Array[]): void {
  if (plan.outputs === 0) return;
  const length = inputs[0]?.length ?? 0;
  invariant(inputs.length === plan.inputs && outputs.length === plan.outputs, 'wrong number of inputs or outputs');
  invariant(
    [...inputs, ...outputs].every((array) => array.length === length),
    'inputs and outputs differ in length',
  );
  memory.set(plan.tables, 0);
  const block = blockBytes(inputs.length + outputs.length);
  const stride = block + SKEW_BYTES;
  const outputBase = TABLE_BYTES + inputs.length * stride;
  for (let start = 0; start < length; start += block) {
    const end = Math.min(start + block, length);
    for (const [index, input] of inputs.entries()) {
      memory.set(input.subarray(start, end), TABLE_BYTES + index * stride);
    }
    combineBlock(plan, stride, end - start);
    for (const [index, output] of outputs.entries()) {
      const from = outputBase + index * stride;
      output.set(memory.subarray(from, from + end - start), start);
    }
  }
}

/** The kernel rounds the length up to whole columns; what it reads and writes beyond the end is stale and unused. */
function combineBlock(plan: Combination, stride: number, length: number): void {
  const rounded = Math.ceil(length / COLUMN_BYTES) * COLUMN_BYTES;
  const outputBase = TABLE_BYTES + plan.inputs * stride;
  for (const [first, width] of groups(plan.outputs)) {
    const tables = first * plan.inputs * 32;
    kernel[`combine${width}`](tables, TABLE_BYTES, plan.inputs, stride, outputBase + first * stride, rounded);
  }
}

/** Splits so many outputs into [first, width] groups that the kernel has a function for. */
function* groups(outputs: number): Generator<readonly [number, (typeof WIDTHS)[number]]> {
  let first = 0;
  for (const width of WIDTHS) {
    for (; outputs - first >= width; first += width) yield [first, width];
  }
}

/** The longest block, in whole columns, with which so many shards fit into the memory. */
function blockBytes(shards: number): number {
  const room = Math.floor((MEMORY_BYTES - TABLE_BYTES) / shards) - SKEW_BYTES;
  return Math.min(BLOCK_BYTES_MAX, room - (room % SKEW_BYTES));
}
