import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RAW, cidText } from '../../../../src/backends/ipfs/cid.ts';
import { decodeNode, encodeFileNode } from '../../../../src/backends/ipfs/dag-node.ts';
import { isValenceError } from '../../../../src/core/errors.ts';

/** A folder that Kubo made, with the entry `shards`. */
const FOLDER = Buffer.from(
  '12310a2212204ffdc51dfed9bd5616a3d7dad93325519d0a3011a9a9219dd47791bc09fcfba9120673686172647318ad9880200a020801',
  'hex',
);
const LEAVES = [
  { cid: { codec: RAW, digest: new Uint8Array(32).fill(1) }, sizeBytes: 1024 * 1024 },
  { cid: { codec: RAW, digest: new Uint8Array(32).fill(2) }, sizeBytes: 300 },
] as const;

describe('a node of IPFS', () => {
  test('that is a folder', () => {
    const node = decodeNode(FOLDER);
    expect(node).toMatchObject({ kind: 'folder', sizeBytes: 0, fanout: 0 });
    expect(node.links.map(({ name, sizeBytes, cid }) => [name, sizeBytes, cidText(cid)])).toEqual([
      ['shards', 67111981, 'bafybeicp7xcr37wzxvlbni6x3lmtgjkrtufdaenjveqz3vdxsg6at7h3ve'],
    ]);
  });

  test('that is a file comes back as it was written', () => {
    const node = decodeNode(encodeFileNode(LEAVES));
    expect(node.kind).toBe('file');
    expect(node.sizeBytes).toBe(1024 * 1024 + 300);
    expect(node.links).toEqual(LEAVES.map((leaf) => ({ ...leaf, name: '' })));
    expect(node.data.length).toBe(0);
  });

  test('that holds its bytes itself', () => {
    const node = decodeNode(Buffer.from('0a09080212036162631803', 'hex'));
    expect(node).toMatchObject({ kind: 'file', sizeBytes: 3, links: [] });
    expect(Buffer.from(node.data).toString()).toBe('abc');
  });

  test('that is a link to elsewhere is neither file nor folder', () => {
    expect(decodeNode(Buffer.from('0a050804120161', 'hex')).kind).toBe('other');
  });

  test.for([
    ['nothing', ''],
    ['no data of UnixFS', '12280a221220'.padEnd(80, '0')],
    ['a link that leads nowhere', '120012000a020801'],
    ['a field of fixed length', '0d00000000'],
    ['a number without end', '0affffffffffffffffffff'],
    ['a length beyond the end', '0a0308'],
  ] as const)('is refused with %s', ([, hex]) => {
    expect(() => decodeNode(Buffer.from(hex, 'hex'))).toThrow(expect.objectContaining({ code: 'format/malformed' }));
  });

  test('is read or refused, never worse', () => {
    const property = fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(outcomeOf(bytes)).toBe('fine');
    });
    fc.assert(property, { seed: 6, numRuns: 2000 });
  });

  test('with a changed byte is read or refused, too', () => {
    const property = fc.property(fc.nat(FOLDER.length - 1), fc.nat(255), (at, byte) => {
      const bytes = Uint8Array.from(FOLDER);
      bytes[at] = byte;
      expect(outcomeOf(bytes)).toBe('fine');
    });
    fc.assert(property, { seed: 7, numRuns: 2000 });
  });
});

function outcomeOf(bytes: Uint8Array): string {
  try {
    decodeNode(bytes);
    return 'fine';
  } catch (error) {
    return isValenceError(error, 'format/malformed') ? 'fine' : String(error);
  }
}
