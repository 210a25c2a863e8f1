import { createCipheriv, createHash } from 'node:crypto';
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

/** Other bytes than `seededRandom`, a hundred times as fast: for megabytes. */
export function seededStream(name: string): Random {
  const key = createHash('sha256').update(name).digest();
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  return { bytes: (length) => cipher.update(Buffer.alloc(length)) };
}
