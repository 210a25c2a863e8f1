import { createCipheriv, createHash } from 'node:crypto';
import { zstdCompressSync } from 'node:zlib';
import { describe, expect, it, test } from 'vitest';
import { toHex } from '../../src/core/bytes.ts';
import { CHUNK_BYTES_MAX, SHARD_BYTES_MAX } from '../../src/core/limits.ts';
import { openChunk, sealChunk } from '../../src/format/sealing/sealed-chunk.ts';
import { CHUNK_KIND } from '../../src/format/tree/content-id.ts';
import type { ChunkKind } from '../../src/format/tree/content-id.ts';
import { DirectSealer } from '../../src/pipeline/sealer.ts';
import { filler } from '../support/tree-fixture.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { codeOf, EVERY_BIT, withBitFlipped } from './keys-fixture.ts';

const random = seededRandom('sealing');
const KEY = Buffer.alloc(32, 7);

/** What FORMAT.md §6.1 says, put together by hand. */
function sealByHand(kind: ChunkKind, sealed: Uint8Array): Buffer {
  const aad = Buffer.concat([Buffer.from('valence/v1 chunk\0'), Buffer.of(kind)]);
  const cipher = createCipheriv('aes-256-gcm', KEY, Buffer.alloc(12)).setAAD(aad);
  return Buffer.concat([cipher.update(sealed), cipher.final(), cipher.getAuthTag()]);
}

function payload(method: number, length: number, data: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head[0] = method;
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, data]);
}

const open = (sealed: Uint8Array): unknown => codeOf(() => openChunk(CHUNK_KIND.leaf, sealed, KEY));

describe('a sealed chunk', () => {
  test.for([0, 1, 2, 63, 64, 511, 8192, 65_536, CHUNK_BYTES_MAX - 1, CHUNK_BYTES_MAX])(
    'of %d bytes opens',
    (length) => {
      for (const plaintext of [Buffer.alloc(length, 'valence '), filler('noise', length)]) {
        for (const compression of ['try', 'none'] as const) {
          const { name, key, sealed } = sealChunk(CHUNK_KIND.node, plaintext, random, compression);
          expect(toHex(name)).toBe(createHash('sha256').update(sealed).digest('hex'));
          expect(sealed.length).toBeLessThanOrEqual(plaintext.length + 21);
          expect(sealed.length).toBeLessThanOrEqual(SHARD_BYTES_MAX);
          expect(Buffer.compare(openChunk(CHUNK_KIND.node, sealed, key), plaintext)).toBe(0);
        }
      }
    },
  );

  it('shrinks where it can', () => {
    expect(sealChunk(CHUNK_KIND.leaf, Buffer.alloc(8192, 'text '), random).sealed.length).toBeLessThan(200);
    expect(sealChunk(CHUNK_KIND.leaf, Buffer.alloc(8192, 'text '), random, 'none').sealed.length).toBe(8192 + 21);
  });

  it('above the limit is a fault of ours', () => {
    expect(codeOf(() => sealChunk(CHUNK_KIND.leaf, Buffer.alloc(CHUNK_BYTES_MAX + 1), random))).toBe(
      'internal/invariant',
    );
  });

  it('never has the same key or bytes twice', () => {
    const [a, b] = [1, 2].map(() => sealChunk(CHUNK_KIND.leaf, Buffer.from('the same'), random));
    expect(toHex(a!.key)).not.toBe(toHex(b!.key));
    expect(toHex(a!.sealed)).not.toBe(toHex(b!.sealed));
  });

  test.for(['compressed', 'stored'] as const)('that is %s: every changed bit is noticed', (kind) => {
    const plaintext = kind === 'compressed' ? Buffer.alloc(2000, 'valence ') : filler('noise', 200);
    const { key, sealed } = sealChunk(CHUNK_KIND.leaf, plaintext, random);
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      expect(codeOf(() => openChunk(CHUNK_KIND.leaf, withBitFlipped(sealed, bit), key))).toBe(
        'integrity/authentication-failed',
      );
    }
    for (let bit = 0; bit < 256; bit += EVERY_BIT ? 1 : 9) {
      expect(codeOf(() => openChunk(CHUNK_KIND.leaf, sealed, withBitFlipped(key, bit)))).toBe(
        'integrity/authentication-failed',
      );
    }
  });

  it('does not open as another kind', () => {
    const { key, sealed } = sealChunk(CHUNK_KIND.leaf, Buffer.from('leaf'), random);
    for (const kind of [CHUNK_KIND.node, CHUNK_KIND.piece]) {
      expect(codeOf(() => openChunk(kind, sealed, key))).toBe('integrity/authentication-failed');
    }
  });

  it('cut short or followed by anything does not open', () => {
    const { key, sealed } = sealChunk(CHUNK_KIND.leaf, Buffer.from('leaf'), random);
    for (let length = 0; length < sealed.length; length += 1) {
      const expected = length < 21 ? 'format/malformed' : 'integrity/authentication-failed';
      expect(codeOf(() => openChunk(CHUNK_KIND.leaf, sealed.subarray(0, length), key))).toBe(expected);
    }
    expect(codeOf(() => openChunk(CHUNK_KIND.leaf, Buffer.concat([sealed, Buffer.of(0)]), key))).toBe(
      'integrity/authentication-failed',
    );
  });

  it('made by hand opens', () => {
    const text = Buffer.from('by hand, by hand, by hand');
    for (const bytes of [payload(0, text.length, text), payload(1, text.length, zstdCompressSync(text))]) {
      expect(Buffer.from(openChunk(CHUNK_KIND.leaf, sealByHand(CHUNK_KIND.leaf, bytes), KEY)).equals(text)).toBe(true);
    }
  });
});

describe('what a writer gone wrong seals', () => {
  const zeros = zstdCompressSync(Buffer.alloc(100_000_000));

  it.for([
    ['a stored length that is too short', payload(0, 3, Buffer.from('four'))],
    ['a stored length that is too long', payload(0, 5, Buffer.from('four'))],
    ['an unknown method', payload(2, 4, Buffer.from('four'))],
    ['no frame', payload(1, 4, Buffer.from('four'))],
    ['a frame cut short', payload(1, 1000, zstdCompressSync(Buffer.alloc(1000, 'text')).subarray(0, -3))],
    ['fewer bytes than stated', payload(1, 1000, zstdCompressSync(Buffer.alloc(999)))],
    ['more bytes than stated', payload(1, 1000, zstdCompressSync(Buffer.alloc(1001)))],
    ['100 MB stated as 10 bytes', payload(1, 10, zeros)],
    ['100 MB stated as nothing', payload(1, 0, zeros)],
    ['100 MB stated as the most there may be', payload(1, CHUNK_BYTES_MAX, zeros)],
    ['100 MB stated as such', payload(1, 100_000_000, zeros)],
    ['1 GiB stated', payload(1, 2 ** 30, Buffer.alloc(10))],
    ['1 GiB stated and stored', payload(0, 2 ** 30, Buffer.alloc(10))],
  ] as const)('is refused in little memory: %s', ([, bytes]) => {
    const sealed = sealByHand(CHUNK_KIND.leaf, bytes);
    open(sealed);
    const before = process.memoryUsage();
    expect(open(sealed)).toBe('format/malformed');
    const after = process.memoryUsage();
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(8 * 1024 * 1024);
    expect(process.resourceUsage().maxRSS).toBeLessThan(1024 * 1024);
  });
});

describe('a sealer', () => {
  const label = { kind: CHUNK_KIND.leaf, tree: 8, level: 0, rowVersion: 1 };
  const noise = filler('noise', 4000);
  const text = Buffer.alloc(4000, 'text ');

  it('gives up compressing what does not shrink, and finds out when it would again', async () => {
    const sealer = new DirectSealer(random);
    const lengthOf = async (plaintext: Uint8Array): Promise<number> =>
      (await sealer.seal(label, plaintext)).sealed.length;
    expect(await lengthOf(noise)).toBe(4021);
    expect(await lengthOf(text)).toBe(4021);
    const lengths: number[] = [];
    for (let i = 0; i < 32; i += 1) lengths.push(await lengthOf(text));
    expect(lengths.findIndex((length) => length < 1000)).toBeLessThan(16);
    expect(lengths.at(-1)).toBeLessThan(1000);
  });

  it('decides for each tree by itself', async () => {
    const sealer = new DirectSealer(random);
    await sealer.seal(label, noise);
    expect((await sealer.seal({ ...label, tree: 1 }, text)).sealed.length).toBeLessThan(1000);
  });
});
