import { createCipheriv } from 'node:crypto';
import type { Cipheriv } from 'node:crypto';
import { invariant } from '../../core/errors.ts';

/** Where leaves and nodes end: a pure function of keys and encoded lengths under the boundary key. FORMAT.md §5.6. */

/** Aim of a node in bytes. */
export const NODE_AIM = 4096;

const LABEL = Buffer.from('valence cut v1', 'latin1');
const BLOCK = 16;
/** Sizes are counted in 64ths of the aim. */
const UNITS_PER_AIM = 64;
const UNITS_MAX = 4 * UNITS_PER_AIM;

/** The pseudo-random 32-bit word of each key at one level of one tree: CBC-MAC of AES-256 over (label, key). */
export class CutPoints {
  readonly #cipher: Cipheriv;
  readonly #start: Buffer;

  constructor(boundaryKey: Uint8Array, tree: number, level: number) {
    this.#cipher = createCipheriv('aes-256-ecb', boundaryKey, null).setAutoPadding(false);
    this.#start = this.#cipher.update(Buffer.concat([LABEL, Buffer.from([tree, level])]));
  }

  /** `keys`: `count` keys of `paddedBytes` (a multiple of 16) end to end. One word a key. */
  words(keys: Buffer, count: number, paddedBytes: number): Uint32Array {
    invariant(keys.length === count * paddedBytes && paddedBytes % BLOCK === 0, 'keys are padded to whole blocks');
    const state = Buffer.allocUnsafe(count * BLOCK);
    for (let i = 0; i < count; i += 1) this.#start.copy(state, i * BLOCK);
    let current = state;
    for (let block = 0; block < paddedBytes; block += BLOCK) {
      xorBlocks(current, keys, { count, stride: paddedBytes, block });
      current = this.#cipher.update(current);
    }
    const words = new Uint32Array(count);
    for (let i = 0; i < count; i += 1) words[i] = current.readUInt32BE(i * BLOCK);
    return words;
  }
}

interface BlockPlaces {
  readonly count: number;
  readonly stride: number;
  readonly block: number;
}

/** Four bytes at a time where both lie on word boundaries, as all buffers of our own do. */
function xorBlocks(state: Buffer, keys: Buffer, at: BlockPlaces): void {
  if (state.byteOffset % 4 !== 0 || keys.byteOffset % 4 !== 0) {
    xorEvery(state, keys, at, BLOCK);
    return;
  }
  const stateWords = new Uint32Array(state.buffer, state.byteOffset, state.length / 4);
  const keyWords = new Uint32Array(keys.buffer, keys.byteOffset, keys.length / 4);
  xorEvery(stateWords, keyWords, { count: at.count, stride: at.stride / 4, block: at.block / 4 }, BLOCK / 4);
}

/** `size`: elements of a block; the places count in elements, too. */
function xorEvery<A extends Uint8Array | Uint32Array>(state: A, keys: A, at: BlockPlaces, size: number): void {
  for (let i = 0; i < at.count; i += 1) {
    const from = i * at.stride + at.block;
    const to = i * size;
    for (let j = 0; j < size; j += 1) state[to + j]! ^= keys[from + j]!;
  }
}

/**
 * Whether a leaf or node of `before` bytes ends after an entry that brings it to `after` bytes. The chance follows a
 * Weibull hazard of the fourth power, so sizes gather near the aim (mean about 0.9 of it) and stay below four times it.
 */
export function cutsAfter(word: number, before: number, after: number, aim: number): boolean {
  if (after >= 4 * aim) return true;
  const a = Math.min(Math.floor((before * UNITS_PER_AIM) / aim), UNITS_MAX);
  const b = Math.floor((after * UNITS_PER_AIM) / aim);
  return word < 256 * (b ** 4 - a ** 4);
}
