import { randomBytes } from 'node:crypto';

/** The only source of randomness; tests pass a seeded one. */
export interface Random {
  bytes(length: number): Uint8Array;
}

/** Bytes drawn at once: a call for each key would cost more than its bytes. */
const POOL_BYTES = 4096;
let pool = Buffer.alloc(0);

/** The operating system's generator, suitable for keys. What is given out is copied and cleared from the pool. */
export const systemRandom: Random = {
  bytes(length) {
    if (length > POOL_BYTES / 16) return randomBytes(length);
    if (pool.length < length) pool = randomBytes(POOL_BYTES);
    const bytes = Buffer.from(pool.subarray(0, length));
    pool.fill(0, 0, length);
    pool = pool.subarray(length);
    return bytes;
  },
};
