import { createHash } from 'node:crypto';
import { readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Backend } from '../../../src/backends/backend.ts';
import { backendError } from '../../../src/backends/backend-error.ts';
import { rememberWrites } from '../../../src/backends/wrappers/remembering.ts';
import { rejection } from '../../support/expect-code.ts';
import { failsBefore, faultyBackend } from '../../support/faulty-backend.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import { MemoryBackend } from '../../support/memory-backend.ts';
import type { TemporaryFolder } from '../../support/temporary-folder.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const denied = failsBefore(({ operation, name }) =>
  backendError('backend/denied', { backend: 'b2', operation, object: name }, 'this key may not read'),
);

/** As S3 does for a key that lists and writes: absent objects are told apart, present ones are not given. */
function writeOnly(memory: MemoryBackend): Backend {
  return faultyBackend(memory, ({ operation, name }) =>
    (operation === 'get' || operation === 'stat') && memory.objects.has(name) ? denied : null,
  );
}

const body = (size: number, fill = 1): Uint8Array => new Uint8Array(size).fill(fill);

function open(inner: Backend, folder: TemporaryFolder, maxBytes?: number): Backend {
  return rememberWrites(inner, { name: 'b2', folder: join(folder.path, 'kept'), maxBytes });
}

describe('memory of writes', () => {
  test('answers what the store denies, also for the next process', async () => {
    await using folder = await temporaryFolder();
    const memory = new MemoryBackend();
    await open(writeOnly(memory), folder).put('index/ab', body(1000));
    const backend = open(writeOnly(memory), folder);
    expect(await backend.get('index/ab')).toEqual(body(1000));
    expect(await backend.get('index/ab', { range: { offset: 990, length: 10 } })).toEqual(body(10));
    const error = await rejection(
      backend.get('index/ab', { range: { offset: 990, length: 11 } }),
      'backend/invalid-range',
    );
    expect(error.context).toMatchObject({ backend: 'b2', operation: 'get', object: 'index/ab' });
    expect(await backend.stat('index/ab')).toEqual({ name: 'index/ab', sizeBytes: 1000 });
  });

  test('asks the store first: what is gone there is gone', async () => {
    await using folder = await temporaryFolder();
    const memory = new MemoryBackend();
    const backend = open(writeOnly(memory), folder);
    await backend.put('keys/1', body(10));
    memory.objects.clear();
    await rejection(backend.get('keys/1'), 'backend/not-found');
    expect(await backend.stat('keys/1')).toBe(null);
  });

  test('keeps no shards, no large objects, and nothing that the store refused', async () => {
    await using folder = await temporaryFolder();
    const memory = new MemoryBackend();
    const backend = open(writeOnly(memory), folder);
    await backend.put('shards/ab/1', body(10));
    await backend.put('index/large', body(5 * 1024 * 1024 + 1));
    memory.objects.set('index/ab', body(3));
    await rejection(backend.put('index/ab', body(4)), 'backend/already-exists');
    for (const name of ['shards/ab/1', 'index/large', 'index/ab']) {
      await rejection(backend.get(name), 'backend/denied');
      await rejection(backend.stat(name), 'backend/denied');
    }
    expect(await readdir(folder.path)).toEqual([]);
  });

  test('keeps of what it reads the identity and the keys of the place, for a key that may read no more', async () => {
    await using folder = await temporaryFolder();
    const memory = new MemoryBackend();
    for (const name of ['valence.json', 'keys/1', 'index/ab']) memory.objects.set(name, body(10));
    const reading = open(memory, folder);
    for (const name of memory.objects.keys()) await reading.get(name);
    await reading.get('valence.json', { range: { offset: 0, length: 1 } });
    const backend = open(writeOnly(memory), folder);
    for (const name of ['valence.json', 'keys/1']) expect(await backend.get(name)).toEqual(body(10));
    await rejection(backend.get('index/ab'), 'backend/denied');
  });

  test('gives no bytes of another digest than the caller knows', async () => {
    await using folder = await temporaryFolder();
    const backend = open(writeOnly(new MemoryBackend()), folder);
    await backend.put('index/ab', body(10));
    const digest = createHash('sha256').update(body(10)).digest();
    expect(await backend.get('index/ab', { digest })).toEqual(body(10));
    await writeFile(join(folder.path, 'kept/index/ab'), body(10, 2));
    await rejection(backend.get('index/ab', { digest }), 'backend/denied');
  });

  test('forgets what is deleted, and only then', async () => {
    await using folder = await temporaryFolder();
    const memory = new MemoryBackend();
    const backend = open(writeOnly(memory), folder);
    await backend.put('index/ab', body(10));
    await backend.put('index/cd', body(10));
    await backend.delete('index/ab');
    await backend.delete('never');
    expect(await readdir(join(folder.path, 'kept/index'))).toEqual(['cd']);
    const locked = open(
      faultyBackend(memory, ({ operation }) => (operation === 'delete' ? denied : null)),
      folder,
    );
    await rejection(locked.delete('index/cd'), 'backend/denied');
    expect(await readdir(join(folder.path, 'kept/index'))).toEqual(['cd']);
  });

  test('above its size the oldest go, keys and valence.json never', async () => {
    await using folder = await temporaryFolder();
    const memory = new MemoryBackend();
    const backend = open(writeOnly(memory), folder, 350);
    const names = ['valence.json', 'keys/1', 'index/a', 'snapshots/main/1', 'index/b'];
    for (const [i, name] of names.entries()) {
      await backend.put(name, body(100));
      if (i < 3) await utimes(join(folder.path, 'kept', name), 1000 + i, 1000 + i);
    }
    const kept = await Promise.all(names.map((name) => backend.stat(name).catch(() => null)));
    expect(kept.map((info) => info !== null)).toEqual([true, true, false, false, true]);
    expect(memory.objects.size).toBe(5);
  });

  test('of an object that is larger than all it may keep stays', async () => {
    await using folder = await temporaryFolder();
    const backend = open(writeOnly(new MemoryBackend()), folder, 50);
    await backend.put('index/a', body(100));
    expect((await backend.get('index/a')).length).toBe(100);
  });

  test('a copy that cannot be written fails the put, and the next put makes up for it', async () => {
    await using folder = await temporaryFolder();
    let isFull = true;
    const files = new FaultyFiles(({ operation }) => (isFull && operation === 'write' ? 'ENOSPC' : null));
    const memory = new MemoryBackend();
    const backend = rememberWrites(writeOnly(memory), { name: 'b2', folder: join(folder.path, 'kept'), files });
    await rejection(backend.put('index/a', body(10)), 'backend/full');
    isFull = false;
    await backend.put('index/a', body(10));
    expect(await backend.get('index/a')).toEqual(body(10));
  });

  test('many puts at once stay within the size', async () => {
    await using folder = await temporaryFolder();
    const backend = open(writeOnly(new MemoryBackend()), folder, 500);
    await Promise.all(Array.from({ length: 20 }, (_, i) => backend.put(`index/${i}`, body(100, i))));
    expect((await readdir(join(folder.path, 'kept/index'))).length).toBe(5);
  });
});
