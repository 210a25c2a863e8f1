import { describe, expect, test } from 'vitest';
import type { Cid } from '../../../../src/backends/ipfs/cid.ts';
import { DAG_PB, RAW, cidText, encodeCid } from '../../../../src/backends/ipfs/cid.ts';
import { FolderTree } from '../../../../src/backends/ipfs/folder-tree.ts';
import { cidOfBlock } from '../../../../src/backends/ipfs/object-layout.ts';
import { VerifiedBlocks } from '../../../../src/backends/ipfs/verified-blocks.ts';

const BYTES_MAX = 1000;
const FILE = [0x08, 2];
const FOLDER = [0x08, 1];
const SYMLINK = [0x08, 4, 0x12, 1, 0x61];
const SPREAD_FOLDER = [0x08, 5, 0x30, 0x80, 0x02];

/** Nodes made by somebody who may not mean well. */
class Blocks {
  readonly #blocks = new Map<string, Uint8Array>();

  raw(bytes: Uint8Array): Cid {
    return this.#add(bytes, RAW);
  }

  /** All fields are shorter than 128 bytes here, so a length is one byte. */
  node(content: readonly number[], links: readonly (readonly [name: string, cid: Cid, size: number])[]): Cid {
    const encoded = links.flatMap(([name, cid, size]) => {
      const hash = encodeCid(cid);
      return sized(0x12, [...sized(0x0a, hash), ...sized(0x12, Buffer.from(name)), 0x18, size]);
    });
    return this.#add(Uint8Array.from([...encoded, ...sized(0x0a, content)]), DAG_PB);
  }

  tree(): FolderTree {
    const read = async (cid: Cid): Promise<Uint8Array | null> => this.#blocks.get(cidText(cid)) ?? null;
    return new FolderTree(new VerifiedBlocks([{ name: 'all', read }]), BYTES_MAX);
  }

  #add(bytes: Uint8Array, codec: Cid['codec']): Cid {
    const cid = cidOfBlock(bytes, codec);
    this.#blocks.set(cidText(cid), bytes);
    return cid;
  }
}

function sized(tag: number, bytes: ArrayLike<number>): number[] {
  return [tag, bytes.length, ...Array.from(bytes)];
}

async function readIn(blocks: Blocks, root: Cid, name: string): Promise<Uint8Array> {
  const object = await blocks.tree().find(root, name);
  return blocks.tree().read(object!);
}

describe('a folder of IPFS', () => {
  test('shows objects, and nothing else that may be in it', async () => {
    const blocks = new Blocks();
    const block = blocks.raw(Buffer.from('abc'));
    const link = blocks.node(SYMLINK, []);
    const inner = blocks.node(FOLDER, [['b', block, 3]]);
    const root = blocks.node(FOLDER, [
      ['A', block, 3],
      ['..', block, 3],
      ['link', link, 9],
      ['a', inner, 60],
    ]);
    expect(await Array.fromAsync(blocks.tree().list(root, ''))).toEqual([{ name: 'a/b', sizeBytes: 3 }]);
    for (const name of ['link', 'a', 'link/b', 'a/b/c']) expect(await blocks.tree().find(root, name)).toBe(null);
    expect(Buffer.from(await readIn(blocks, root, 'a/b')).toString()).toBe('abc');
  });

  test.for([2, 4])('that says %i bytes of three is not believed', async (size) => {
    const blocks = new Blocks();
    const root = blocks.node(FOLDER, [['a', blocks.raw(Buffer.from('abc')), size]]);
    await expect(readIn(blocks, root, 'a')).rejects.toMatchObject({ code: 'format/malformed' });
  });

  test('with a file that is too large, whatever it says of itself', async () => {
    const blocks = new Blocks();
    const leaf = blocks.raw(Buffer.alloc(700));
    const honest = blocks.node(
      [...FILE, 0x18, 0xf8, 0x0a],
      [
        ['', leaf, 1],
        ['', leaf, 1],
      ],
    );
    const lying = blocks.node(
      [...FILE, 0x18, 3],
      [
        ['', leaf, 1],
        ['', leaf, 1],
      ],
    );
    const root = blocks.node(FOLDER, [
      ['honest', honest, 9],
      ['lying', lying, 9],
    ]);
    for (const name of ['honest', 'lying']) {
      await expect(readIn(blocks, root, name)).rejects.toMatchObject({ code: 'backend/unavailable' });
    }
  });

  test('with a file that is nested deeper than any that was added', async () => {
    const blocks = new Blocks();
    let file = blocks.raw(Buffer.from('abc'));
    for (let level = 0; level < 3; level += 1) file = blocks.node([...FILE, 0x18, 3], [['', file, 3]]);
    const root = blocks.node(FOLDER, [['a', file, 9]]);
    await expect(readIn(blocks, root, 'a')).rejects.toMatchObject({ code: 'format/malformed' });
  });

  test('spread over more nodes than there are bits in a hash', async () => {
    const blocks = new Blocks();
    let part = blocks.node(SPREAD_FOLDER, [['00a', blocks.raw(Buffer.from('abc')), 3]]);
    const fine = blocks.node(SPREAD_FOLDER, [['7F', part, 9]]);
    expect(Buffer.from(await readIn(blocks, fine, 'a')).toString()).toBe('abc');
    for (let level = 0; level < 10; level += 1) part = blocks.node(SPREAD_FOLDER, [['7F', part, 9]]);
    await expect(blocks.tree().find(part, 'a')).rejects.toMatchObject({ code: 'format/malformed' });
  });
});
