import { randomBytes } from 'node:crypto';

/** The only source of randomness; tests pass a seeded one. */
export interface Random {
  bytes(length: number): Uint8Array;
}

/** The operating system's generator, suitable for keys. */
export const systemRandom: Random = { bytes: (length) => randomBytes(length) };
