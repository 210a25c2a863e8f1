import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { openSpoolFolder } from '../../src/app/spool-folder.ts';
import { Spool } from '../../src/pipeline/spool.ts';
import { MemorySpoolFiles } from '../support/memory-spool.ts';
import { rejection } from '../support/expect-code.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const of = (length: number, fill = length): Uint8Array => Buffer.alloc(length, fill);

function makeSpool(memoryBytes: number, diskBytes: number): { spool: Spool<number>; files: MemorySpoolFiles } {
  const files = new MemorySpoolFiles();
  return { spool: new Spool<number>({ folder: 'spool', files, memoryBytes, disk: diskBytes }), files };
}

/** Lets everything run that can. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Whether a promise has settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const settled = Promise.allSettled([promise]).then(() => true);
  return Promise.race([settled, settle().then(() => false)]);
}

async function takeAll(spool: Spool<number>): Promise<[number, number][]> {
  const taken: [number, number][] = [];
  for (let next = await spool.take(); next !== null; next = await spool.take())
    taken.push([next.item, next.bytes.length]);
  return taken;
}

describe('a spool', () => {
  it('gives items in order, from memory and from files', async () => {
    const { spool, files } = makeSpool(100, 1000);
    const lengths = [60, 40, 10, 90, 1, 300];
    for (const [item, length] of lengths.entries()) await spool.push(item, of(length));
    // 60 and 40 fill the memory; nothing has left it since.
    expect(files.bytes).toBe(10 + 90 + 1 + 300);
    spool.close();
    expect(await takeAll(spool)).toEqual([...lengths.entries()]);
    expect(files.files.size).toBe(0);
    expect(await spool.take()).toBeNull();
  });

  it('gives back the very bytes', async () => {
    const { spool } = makeSpool(10, 1000);
    for (const fill of [1, 2, 3]) await spool.push(fill, of(9, fill));
    for (const fill of [1, 2, 3]) expect(Buffer.from((await spool.take())!.bytes).equals(of(9, fill))).toBe(true);
  });

  it('uses memory again once something has left it', async () => {
    const { spool, files } = makeSpool(100, 1000);
    await spool.push(1, of(100));
    await spool.take();
    await spool.push(2, of(100));
    expect(files.files.size).toBe(0);
  });

  it('takes one item of any size when it is empty', async () => {
    const { spool } = makeSpool(10, 10);
    await spool.push(1, of(5000));
    expect(await isSettled(spool.push(2, of(5000)))).toBe(false);
    expect((await spool.take())!.bytes).toHaveLength(5000);
    await settle();
    expect((await spool.take())!.item).toBe(2);
  });

  it('makes the producer wait when memory and disk are full, until there is room', async () => {
    const { spool } = makeSpool(10, 20);
    await spool.push(1, of(10));
    await spool.push(2, of(20));
    const third = spool.push(3, of(20));
    expect(await isSettled(third)).toBe(false);
    await spool.take();
    expect(await isSettled(third)).toBe(true);
    spool.close();
    expect(await takeAll(spool)).toEqual([
      [2, 20],
      [3, 20],
    ]);
  });

  it('never keeps more than it may, while a producer and two consumers run', async () => {
    const { spool, files } = makeSpool(50, 100);
    let [given, most] = [0, 0];
    const taken: number[] = [];
    const consume = async (): Promise<void> => {
      for (let next = await spool.take(); next !== null; next = await spool.take()) {
        taken.push(next.item);
        await settle();
      }
    };
    const produce = async (): Promise<void> => {
      for (let item = 0; item < 100; item += 1) {
        await spool.push(item, of(30));
        given += 1;
        most = Math.max(most, given - taken.length);
        expect(files.bytes).toBeLessThanOrEqual(100);
      }
      spool.close();
    };
    await Promise.all([produce(), consume(), consume()]);
    expect(taken.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    // One in memory, three on disk, and what the consumers have just taken.
    expect(most).toBeLessThanOrEqual(6);
    expect(files.files.size).toBe(0);
  });

  it('that is closed lets waiting consumers go', async () => {
    const { spool } = makeSpool(10, 10);
    const waiting = [spool.take(), spool.take()];
    spool.close();
    expect(await Promise.all(waiting)).toEqual([null, null]);
  });

  it('wakes a waiting consumer', async () => {
    const { spool } = makeSpool(10, 10);
    const waiting = spool.take();
    await spool.push(7, of(3));
    expect((await waiting)!.item).toBe(7);
  });
});

describe('a spool that failed', () => {
  const failure = new Error('no backend takes anything');

  it('tells a waiting producer, and every later one', async () => {
    const { spool } = makeSpool(10, 10);
    await spool.push(1, of(10));
    await spool.push(2, of(10));
    const waiting = spool.push(3, of(10));
    spool.fail(failure);
    await expect(waiting).rejects.toBe(failure);
    await expect(spool.push(4, of(1))).rejects.toBe(failure);
    spool.fail(new Error('another'));
    await expect(spool.push(5, of(1))).rejects.toBe(failure);
  });

  it('gives nothing more out, though something waits', async () => {
    const { spool } = makeSpool(10, 10);
    await spool.push(1, of(10));
    const { spool: empty } = makeSpool(10, 10);
    const waiting = empty.take();
    spool.fail(failure);
    empty.fail(failure);
    expect([await spool.take(), await waiting]).toEqual([null, null]);
  });

  it('leaves no file behind when it is discarded', async () => {
    const { spool, files } = makeSpool(10, 100);
    for (const item of [1, 2, 3, 4]) await spool.push(item, of(10));
    expect(files.files.size).toBe(3);
    spool.fail(failure);
    await spool.discard();
    expect(files.files.size).toBe(0);
    await expect(spool.push(5, of(1))).rejects.toBe(failure);
  });
});

describe('a spool that is discarded', () => {
  it('lets producers and consumers go', async () => {
    const { spool } = makeSpool(10, 10);
    await spool.push(1, of(10));
    await spool.push(2, of(10));
    const producer = spool.push(3, of(10));
    const { spool: empty } = makeSpool(10, 10);
    const consumer = empty.take();
    await Promise.all([spool.discard(), empty.discard()]);
    await rejection(producer, 'cancelled');
    expect([await consumer, await spool.take()]).toEqual([null, null]);
  });

  test.for(['write', 'read'] as const)('waits for a %s under way, and leaves no file', async (operation) => {
    const { spool, files } = makeSpool(10, 100);
    await spool.push(1, of(10));
    await spool.push(2, of(10));
    const { promise, resolve } = Promise.withResolvers<void>();
    files.gate = promise;
    if (operation === 'read') await spool.take();
    const underWay = operation === 'write' ? spool.push(3, of(10)) : spool.take();
    const outcome = underWay.then(
      () => 'done',
      () => 'refused',
    );
    const discarded = spool.discard();
    expect(await isSettled(discarded)).toBe(false);
    resolve();
    await discarded;
    expect(files.files.size).toBe(0);
    expect(await outcome).toBe(operation === 'write' ? 'refused' : 'done');
  });

  it('after a good end changes nothing', async () => {
    const { spool } = makeSpool(10, 10);
    await spool.push(1, of(10));
    spool.close();
    await takeAll(spool);
    await spool.discard();
    expect(await spool.take()).toBeNull();
  });
});

describe('a disk that fails', () => {
  it('while writing: the producer is told, and no part of a file stays', async () => {
    const { spool, files } = makeSpool(10, 100);
    await spool.push(1, of(10));
    files.failing = 'write';
    await rejection(spool.push(2, of(10)), 'backend/full');
    expect(files.files.size).toBe(0);
    files.failing = null;
    // What was not kept takes no room.
    for (let item = 0; item < 10; item += 1) await spool.push(item, of(10));
    expect(await isSettled(spool.push(99, of(10)))).toBe(false);
  });

  it('while reading: the consumer is told, and the file does not stay', async () => {
    const { spool, files } = makeSpool(10, 100);
    await spool.push(1, of(10));
    await spool.push(2, of(10));
    await spool.take();
    files.failing = 'take';
    await rejection(spool.take(), 'backend/unavailable');
    expect(files.files.size).toBe(0);
  });
});

test('the folder of a home is empty again after a spool was discarded, and gone after the run', async () => {
  await using home = await temporaryFolder();
  const path = join(home.path, 'spool');
  {
    await using folder = await openSpoolFolder(path);
    const spools = [1, 2].map(() => new Spool<number>({ ...folder, memoryBytes: 1, disk: 1000 }));
    for (const spool of spools) for (const item of [1, 2, 3]) await spool.push(item, of(100, item));
    expect(await readdir(path)).toHaveLength(4);
    await spools[0]!.take();
    expect(Buffer.from((await spools[0]!.take())!.bytes).equals(of(100, 2))).toBe(true);
    for (const spool of spools) await spool.discard();
    expect(await readdir(path)).toEqual([]);
  }
  expect(await readdir(home.path)).toEqual([]);
});
