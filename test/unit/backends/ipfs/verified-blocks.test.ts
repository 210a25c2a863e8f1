import { describe, expect, test } from 'vitest';
import { gatewayBlocks } from '../../../../src/backends/ipfs/block-sources.ts';
import type { Cid } from '../../../../src/backends/ipfs/cid.ts';
import { RAW, cidText } from '../../../../src/backends/ipfs/cid.ts';
import { cidOfBlock } from '../../../../src/backends/ipfs/object-layout.ts';
import type { BlockSource } from '../../../../src/backends/ipfs/verified-blocks.ts';
import { LostBlock, VerifiedBlocks } from '../../../../src/backends/ipfs/verified-blocks.ts';
import type { HeardRequest, SaidAnswer } from '../../../support/servers/loopback-http.ts';
import { answerHttp } from '../../../support/servers/loopback-http.ts';

const MIB = 1024 * 1024;
const BLOCK = Buffer.from('a block');
const CID = cidOfBlock(BLOCK, RAW);

function source(name: string, read: (cid: Cid) => Uint8Array | null): BlockSource & { asked: number } {
  const made = {
    name,
    asked: 0,
    async read(cid: Cid) {
      made.asked += 1;
      return read(cid);
    },
  };
  return made;
}

describe('verified blocks', () => {
  test('come from the first source that has them', async () => {
    const [none, has, more] = [source('a', () => null), source('b', () => BLOCK), source('c', () => BLOCK)];
    expect(await new VerifiedBlocks([none, has, more]).get(CID)).toEqual(BLOCK);
    expect([none.asked, has.asked, more.asked]).toEqual([1, 1, 0]);
  });

  test('never come from a source that gives other bytes', async () => {
    const liar = source('liar', () => Buffer.from('a clock'));
    expect(await new VerifiedBlocks([liar, source('b', () => BLOCK)]).get(CID)).toEqual(BLOCK);
    const lost = new VerifiedBlocks([liar, source('b', () => null)]).get(CID);
    await expect(lost).rejects.toMatchObject({
      mayComeBack: false,
      message: expect.stringContaining('liar gives other bytes, b does not have it'),
    });
    await expect(lost).rejects.toBeInstanceOf(LostBlock);
  });

  test('may come back when a source did not answer', async () => {
    const away = source('away', () => {
      throw new Error('down');
    });
    const lost = new VerifiedBlocks([away, source('b', () => null)]).get(CID);
    await expect(lost).rejects.toMatchObject({ mayComeBack: true });
  });

  test('tell why the only source does not answer', async () => {
    const reason = new Error('down');
    const away = source('away', () => {
      throw reason;
    });
    await expect(new VerifiedBlocks([away]).get(CID)).rejects.toBe(reason);
  });

  test('are kept at hand, the last 16 MiB of them', async () => {
    const blocks = Array.from({ length: 20 }, (_, i) => Buffer.alloc(MIB, i));
    const cids = blocks.map((block) => cidOfBlock(block, RAW));
    const all = source('all', (cid) => blocks[cids.findIndex((one) => cidText(one) === cidText(cid))] ?? null);
    const verified = new VerifiedBlocks([all]);
    for (const cid of cids) await verified.get(cid);
    for (const cid of cids.slice(4)) await verified.get(cid);
    expect(all.asked).toBe(20);
    await verified.get(cids[3]!);
    expect(all.asked).toBe(21);
    await verified.get(cids[19]!);
    await verified.get(cids[4]!);
    expect(all.asked).toBe(22);
  });
});

describe('a gateway', () => {
  async function asked(answer: SaidAnswer): Promise<{ requests: HeardRequest[]; read: Promise<Uint8Array | null> }> {
    const requests: HeardRequest[] = [];
    await using server = await answerHttp((request) => {
      requests.push(request);
      return answer;
    });
    const read = gatewayBlocks(new URL(`${server.url}/`)).read(CID, undefined);
    await read.catch(() => undefined);
    return { requests, read };
  }

  test('is asked for one block, without anything made of it', async () => {
    const { requests, read } = await asked({ status: 200, body: BLOCK });
    expect(await read).toEqual(BLOCK);
    expect(requests.map(({ method, url }) => `${method} ${url.pathname}${url.search}`)).toEqual([
      `GET /ipfs/${cidText(CID)}?format=raw`,
    ]);
    expect(requests[0]!.headers.accept).toBe('application/vnd.ipld.raw');
  });

  test.for([404, 410, 451])('has not got the block when it answers %i', async (status) => {
    expect(await (await asked({ status })).read).toBe(null);
  });

  test.for([429, 500, 504])('is away when it answers %i', async (status) => {
    await expect((await asked({ status })).read).rejects.toThrow(`the gateway answers ${status}`);
  });

  test('does not fill the memory', async () => {
    const bytes = await (await asked({ status: 200, body: Buffer.alloc(40 * MIB) })).read;
    expect(bytes!.length).toBeLessThan(4 * MIB);
  });
});
