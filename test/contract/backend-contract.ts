import { describe, expect, test } from 'vitest';
import type { Backend, ObjectInfo } from '../../src/backends/backend.ts';
import { checkBackend } from '../../src/backends/check/check-backend.ts';
import { systemClock } from '../../src/core/clock.ts';
import { seededStream } from '../support/seeded-random.ts';

/** Makes an empty backend; the test disposes of it. */
export type MakeBackend = () => Promise<Backend>;

const MIB = 1024 * 1024;

/** The promises of backend.ts, for every backend and every wrapper around one. */
export function describeBackendContract(subject: string, make: MakeBackend): void {
  describe(`${subject} keeps the contract of a backend`, () => {
    describePut(make);
    describeGet(make);
    describeList(make);
    describeDelete(make);
    describeManyCalls(make);
    describeAbort(make);
    describeNames(make);
    describeCheck(make);
  });
}

function describePut(make: MakeBackend): void {
  test.for([0, 1, 4096, MIB, MIB + 1])('put and get %i bytes', async (size) => {
    await using backend = await make();
    await backend.put('shards/ab/one', pattern(size));
    expect(same(await backend.get('shards/ab/one'), pattern(size))).toBe(true);
    expect(await backend.stat('shards/ab/one')).toEqual({ name: 'shards/ab/one', sizeBytes: size });
  });

  test('put of equal content again changes nothing', async () => {
    await using backend = await make();
    await backend.put('keys/1', pattern(3000));
    await backend.put('keys/1', pattern(3000));
    expect(await listed(backend, '')).toEqual([{ name: 'keys/1', sizeBytes: 3000 }]);
  });

  test.for([
    ['of equal size', pattern(3000, 2)],
    ['longer', pattern(3001, 1)],
    ['shorter', pattern(2999, 1)],
    ['empty', pattern(0)],
  ] as const)('put of other content, %s, is refused', async ([, other]) => {
    await using backend = await make();
    await backend.put('keys/1', pattern(3000, 1));
    await expect(backend.put('keys/1', other)).rejects.toMatchObject({ code: 'backend/already-exists' });
    expect(same(await backend.get('keys/1'), pattern(3000, 1))).toBe(true);
  });

  test('the object does not change with the array it was made of', async () => {
    await using backend = await make();
    const body = pattern(5000);
    await backend.put('keys/1', body);
    body.fill(0);
    expect(same(await backend.get('keys/1'), pattern(5000))).toBe(true);
    (await backend.get('keys/1')).fill(0);
    expect(same(await backend.get('keys/1'), pattern(5000))).toBe(true);
  });

  test('a view into a larger array is stored, not the array', async () => {
    await using backend = await make();
    await backend.put('keys/1', pattern(5000).subarray(1000, 1500));
    expect(same(await backend.get('keys/1'), pattern(5000).subarray(1000, 1500))).toBe(true);
  });
}

function describeGet(make: MakeBackend): void {
  test.for([
    [0, 100],
    [0, 10_000],
    [4096, 64],
    [9_999, 1],
    [0, 0],
    [5000, 0],
    [10_000, 0],
  ] as const)('get of %i and the next %i bytes', async ([offset, length]) => {
    await using backend = await make();
    await backend.put('shards/ab/one', pattern(10_000));
    const bytes = await backend.get('shards/ab/one', { range: { offset, length } });
    expect(same(bytes, pattern(10_000).subarray(offset, offset + length))).toBe(true);
  });

  test.for([
    [9_999, 2],
    [0, 10_001],
    [10_001, 0],
    [20_000, 10],
  ] as const)('get of %i and the next %i bytes is past the end', async ([offset, length]) => {
    await using backend = await make();
    await backend.put('shards/ab/one', pattern(10_000));
    const reading = backend.get('shards/ab/one', { range: { offset, length } });
    await expect(reading).rejects.toMatchObject({ code: 'backend/invalid-range' });
  });

  test('what is absent', async () => {
    await using backend = await make();
    await backend.put('shards/ab/one', pattern(10));
    for (const name of ['shards/ab/two', 'shards/cd/one', 'shards', 'shards/ab', 'shards/ab/one/more', 'x']) {
      expect(await backend.stat(name)).toBe(null);
      await expect(backend.get(name)).rejects.toMatchObject({ code: 'backend/not-found' });
      const reading = backend.get(name, { range: { offset: 0, length: 0 } });
      await expect(reading).rejects.toMatchObject({ code: 'backend/not-found' });
    }
  });
}

function describeList(make: MakeBackend): void {
  test('an empty backend lists nothing', async () => {
    await using backend = await make();
    expect(await listed(backend, '')).toEqual([]);
    expect(await listed(backend, 'shards/')).toEqual([]);
  });

  test('prefixes end at a segment', async () => {
    await using backend = await make();
    const names = ['a/1', 'a/b/2', 'ab/3', 'a.b/4', 'b/a/5', 'valence.json'];
    for (const name of names) await backend.put(name, pattern(name.length));
    expect(await namesOf(backend, '')).toEqual(names.toSorted());
    expect(await namesOf(backend, 'a/')).toEqual(['a/1', 'a/b/2']);
    expect(await namesOf(backend, 'a/b/')).toEqual(['a/b/2']);
    expect(await namesOf(backend, 'a/1/')).toEqual([]);
  });

  test('more than a thousand objects, each exactly once', async () => {
    await using backend = await make();
    const names = Array.from({ length: 1100 }, (_, i) => `shards/${(i % 16).toString(16)}0/${i}`);
    for (let start = 0; start < names.length; start += 50) {
      await Promise.all(names.slice(start, start + 50).map((name) => backend.put(name, pattern(name.length))));
    }
    const found = await listed(backend, 'shards/');
    expect(found).toEqual(names.toSorted().map((name) => ({ name, sizeBytes: name.length })));
    expect((await namesOf(backend, 'shards/30/')).length).toBe(
      names.filter((name) => name.startsWith('shards/30/')).length,
    );
  });

  test('a listing may be left early', async () => {
    await using backend = await make();
    await backend.put('a/1', pattern(1));
    await backend.put('a/2', pattern(1));
    for await (const { sizeBytes } of backend.list('')) {
      expect(sizeBytes).toBe(1);
      break;
    }
  });
}

function describeDelete(make: MakeBackend): void {
  test('a deleted object is gone and its name free', async () => {
    await using backend = await make();
    await backend.put('a/1', pattern(10, 1));
    await backend.delete('a/1');
    expect(await backend.stat('a/1')).toBe(null);
    expect(await listed(backend, '')).toEqual([]);
    await backend.put('a/1', pattern(20, 2));
    expect(same(await backend.get('a/1'), pattern(20, 2))).toBe(true);
  });

  test('delete of what is absent resolves', async () => {
    await using backend = await make();
    await backend.put('a/1', pattern(10));
    for (const name of ['a/2', 'b/1', 'a', 'a/1/x']) await backend.delete(name);
    await backend.delete('a/1');
    await backend.delete('a/1');
    expect(await listed(backend, '')).toEqual([]);
  });
}

function describeManyCalls(make: MakeBackend): void {
  test('fifty puts at once', async () => {
    await using backend = await make();
    const sizes = Array.from({ length: 50 }, (_, i) => i * 37);
    await Promise.all(sizes.map((size) => backend.put(`shards/ab/${size}`, pattern(size))));
    expect((await listed(backend, '')).map((info) => info.sizeBytes).toSorted((a, b) => a - b)).toEqual(sizes);
  });

  test('fifty puts of one name with equal content all succeed', async () => {
    await using backend = await make();
    await Promise.all(Array.from({ length: 50 }, () => backend.put('shards/ab/one', pattern(20_000))));
    expect(same(await backend.get('shards/ab/one'), pattern(20_000))).toBe(true);
    expect(await namesOf(backend, '')).toEqual(['shards/ab/one']);
  });

  test('of fifty puts of one name with different content exactly one succeeds', async () => {
    await using backend = await make();
    const puts = Array.from({ length: 50 }, (_, i) => backend.put('shards/ab/one', pattern(9000, i)));
    const results = await Promise.allSettled(puts);
    const winners = results.flatMap((result, i) => (result.status === 'fulfilled' ? [i] : []));
    expect(winners.length).toBe(1);
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'backend/already-exists' });
    }
    expect(same(await backend.get('shards/ab/one'), pattern(9000, winners[0]))).toBe(true);
  });
}

function describeAbort(make: MakeBackend): void {
  test('a signal that is already aborted', async () => {
    await using backend = await make();
    await backend.put('a/1', pattern(10));
    const reason = new Error('enough');
    const signal = AbortSignal.abort(reason);
    await expect(backend.put('a/2', pattern(10), { signal })).rejects.toBe(reason);
    await expect(backend.get('a/1', { signal })).rejects.toBe(reason);
    await expect(backend.stat('a/1', { signal })).rejects.toBe(reason);
    await expect(backend.delete('a/1', { signal })).rejects.toBe(reason);
    await expect(collect(backend.list('', { signal }))).rejects.toBe(reason);
    expect(await namesOf(backend, '')).toEqual(['a/1']);
  });

  test('a put that is aborted on its way leaves nothing', async () => {
    await using backend = await make();
    const controller = new AbortController();
    const reason = new Error('enough');
    const put = backend.put('a/1', pattern(4 * MIB), { signal: controller.signal });
    controller.abort(reason);
    await expect(put).rejects.toBe(reason);
    expect(await backend.stat('a/1')).toBe(null);
    expect(await listed(backend, '')).toEqual([]);
    await backend.put('a/1', pattern(10));
  });

  test('a listing that is aborted on its way', async () => {
    await using backend = await make();
    for (const name of ['a/1', 'b/2', 'c/3']) await backend.put(name, pattern(1));
    const controller = new AbortController();
    const reason = new Error('enough');
    const reading = async (): Promise<void> => {
      for await (const info of backend.list('', { signal: controller.signal })) {
        expect(info.sizeBytes).toBe(1);
        controller.abort(reason);
      }
    };
    await expect(reading()).rejects.toBe(reason);
  });
}

function describeNames(make: MakeBackend): void {
  const refused = [
    '', '/', '.', '..', '../x', '/x', 'x/', 'a//b', 'a/../b', 'a/./b', 'Upper', 'a/B', 'a\0b', 'a b', 'a\\b', 'ä',
    '.tmp-1', 'a/.hidden', '-a', '_a', 'a\n', 'x'.repeat(129), 'x'.repeat(600), 'xxxxxx/'.repeat(80) + 'x',
  ]; // prettier-ignore

  test.for(refused)('refuses the name %j', async (name) => {
    await using backend = await make();
    const error = { code: 'internal/invariant' };
    await expect(backend.put(name, pattern(1))).rejects.toMatchObject(error);
    await expect(backend.get(name)).rejects.toMatchObject(error);
    await expect(backend.stat(name)).rejects.toMatchObject(error);
    await expect(backend.delete(name)).rejects.toMatchObject(error);
    expect(await listed(backend, '')).toEqual([]);
  });

  test.for(['a', '/', '../', 'a//', 'A/', '.tmp/'])('refuses the prefix %j', async (prefix) => {
    await using backend = await make();
    await expect(listed(backend, prefix)).rejects.toMatchObject({ code: 'internal/invariant' });
  });

  test.for(['x', '0', 'a.b_c-d', 'x'.repeat(128), `${'xxxxxx/'.repeat(73)}x`])('takes the name %j', async (name) => {
    await using backend = await make();
    await backend.put(name, pattern(7));
    expect(await listed(backend, '')).toEqual([{ name, sizeBytes: 7 }]);
  });
}

/** The same promises as a user's own store is held to, so that neither suite nor command forgets one that the other knows. */
function describeCheck(make: MakeBackend): void {
  test('passes the check of a backend, which leaves nothing behind', async () => {
    await using backend = await make();
    const options = { random: seededStream('contract'), clock: systemClock };
    const results = await collect(checkBackend(backend, options));
    expect(results.filter(({ status }) => status === 'failed')).toEqual([]);
    expect(results.at(-1)).toMatchObject({ check: 'clean up', status: 'passed' });
    expect(await namesOf(backend, '')).toEqual([]);
  });
}

/** Bytes that differ between seeds and between positions a power of two apart. */
export function pattern(size: number, seed = 0): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i += 1) bytes[i] = (i * 31 + (i >> 8) * 17 + (i >> 16) * 13 + seed * 7) & 0xff;
  return bytes;
}

/** Faster than `toEqual` on a megabyte. */
export function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/** In order of the names. */
export async function listed(backend: Backend, prefix: string): Promise<ObjectInfo[]> {
  const found = await collect(backend.list(prefix));
  return found.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

export async function namesOf(backend: Backend, prefix: string): Promise<string[]> {
  return (await listed(backend, prefix)).map((info) => info.name);
}
