import { createHash } from 'node:crypto';
import type { Random } from '../../src/core/random.ts';

/** SHA-256 in counter mode over a name: the same bytes in every run. */
export function seededRandom(name: string): Random {
  let counter = 0;
  return {
    bytes(length) {
      const blocks: Buffer[] = [];
      for (let made = 0; made < length; made += 32) {
        blocks.push(
          createHash('sha256')
            .update(`${name} ${(counter += 1)}`)
            .digest(),
        );
      }
      return Buffer.concat(blocks).subarray(0, length);
    },
  };
}
