import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { CID } from 'kubo-rpc-client';
import { describe, expect, test } from 'vitest';
import { DAG_PB, RAW, cidText, decodeCid, encodeCid, parseCid, sameCid } from '../../../../src/backends/ipfs/cid.ts';
import { cidOfObject } from '../../../../src/backends/ipfs/object-layout.ts';

const MIB = 1024 * 1024;
const malformed = expect.objectContaining({ code: 'format/malformed' });

describe('the content id of an object', () => {
  test.for([
    ['nothing', Buffer.alloc(0), 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku'],
    ['a text', Buffer.from('hello world'), 'bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e'],
    ['3 MiB and 5 bytes', Buffer.alloc(3 * MIB + 5, 7), 'bafybeigyhs7r7fvlb4xfd33x6ezkkxosxild6l3w44qbnsdvtq7ejh6ua4'],
  ] as const)('of %s is the one that IPFS gives it', ([, body, text]) => {
    expect(cidText(cidOfObject(body))).toBe(text);
  });

  test.for([
    [MIB, RAW],
    [MIB + 1, DAG_PB],
  ] as const)('of %i bytes has the codec %i', ([size, codec]) => {
    expect(cidOfObject(Buffer.alloc(size)).codec).toBe(codec);
  });

  test('of a shard is its name in another spelling', () => {
    const body = Buffer.from('a shard');
    const digest = createHash('sha256').update(body).digest();
    expect(cidOfObject(body)).toEqual({ codec: RAW, digest });
  });
});

describe('the text of a content id', () => {
  const digests = fc.uint8Array({ minLength: 32, maxLength: 32 });

  test('is that of the library, and read back', () => {
    const property = fc.property(digests, fc.constantFrom(RAW, DAG_PB), (digest, codec) => {
      const text = cidText({ codec, digest });
      expect(text).toBe(CID.decode(encodeCid({ codec, digest })).toString());
      expect(sameCid(parseCid(text), { codec, digest })).toBe(true);
    });
    fc.assert(property, { seed: 4 });
  });

  test('of the old form is read too', () => {
    const property = fc.property(digests, (digest) => {
      const old = CID.decode(encodeCid({ codec: DAG_PB, digest }))
        .toV0()
        .toString();
      expect(sameCid(parseCid(old), { codec: DAG_PB, digest })).toBe(true);
    });
    fc.assert(property, { seed: 5 });
  });

  test('of the empty folder in both forms', () => {
    const [old, young] = [
      'QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn',
      'bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354',
    ];
    expect(cidText(parseCid(old))).toBe(young);
  });

  test.for([
    ['nothing', ''],
    ['upper case', 'BAFKREIHDWDCEFGH4DQKJV67UZCMW7OJEE6XEDZDETOJUZJEVTENXQUVYKU'],
    ['a character short', 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyk'],
    ['a character long', 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvykua'],
    ['bits after the end', 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvykv'],
    ['another codec', 'bafyreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku'],
    ['a character that base58 has not', 'QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3N0'],
    ['more than 34 bytes in base58', 'Qmzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz'],
    ['an IPNS name', 'k51qzi5uqu5dgutdk6i1ynyzgkqngpha5xpgia3a5qqp4jsh0u4csozksxel2r'],
    ['a path', '/ipfs/bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku'],
  ] as const)('is not %s', ([, text]) => {
    expect(() => parseCid(text)).toThrow(malformed);
  });
});

describe('the bytes of a content id', () => {
  const bytes = encodeCid({ codec: RAW, digest: Buffer.alloc(32, 9) });

  test.for([0, 1, 2, 3])('are refused when byte %i is another', (at) => {
    const other = Uint8Array.from(bytes);
    other[at] = 0x7e;
    expect(() => decodeCid(other)).toThrow(malformed);
  });

  test.for([0, 1, 33, 35])('are refused when there are %i of them', (length) => {
    expect(() => decodeCid(bytes.subarray(0, length))).toThrow(malformed);
  });

  test('are refused when one is left over', () => {
    expect(() => decodeCid(Buffer.concat([bytes, Buffer.alloc(1)]))).toThrow(malformed);
  });
});
