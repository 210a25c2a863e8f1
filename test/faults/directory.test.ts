import { execFileSync } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { DirectoryBackend } from '../../src/backends/directory/directory.ts';
import { openDirectory } from '../../src/backends/directory/directory.ts';
import type { FileSystem } from '../../src/core/file-system.ts';
import { listed, pattern, same } from '../contract/backend-contract.ts';
import type { Fault, FileCall } from '../support/faulty-files.ts';
import { Crash, FaultyFiles } from '../support/faulty-files.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { Luck } from '../support/volatile-disk.ts';
import { VolatileDisk } from '../support/volatile-disk.ts';

const ROOT = '/backups/nas';

function open(files: FileSystem): Promise<DirectoryBackend> {
  return openDirectory({ root: ROOT, name: 'nas', mustExist: false, clock: { now: () => 0 }, files });
}

/** Three objects, two of them in one folder, one put twice; resolves to what was acknowledged before it stopped. */
async function work(files: FileSystem, acknowledged: Map<string, Uint8Array>): Promise<void> {
  const backend = await open(files);
  const puts = [
    ['shards/ab/one', pattern(3000, 1)],
    ['shards/ab/two', pattern(10, 2)],
    ['shards/ab/one', pattern(3000, 1)],
    ['valence.json', pattern(500, 3)],
  ] as const;
  for (const [name, body] of puts) {
    await backend.put(name, body);
    acknowledged.set(name, body);
  }
}

const objects = new Map([
  ['shards/ab/one', pattern(3000, 1)],
  ['shards/ab/two', pattern(10, 2)],
  ['valence.json', pattern(500, 3)],
]);

async function expectAbsentOrWhole(backend: DirectoryBackend, acknowledged: Map<string, Uint8Array>): Promise<void> {
  const found = new Map((await listed(backend, '')).map((info) => [info.name, info.sizeBytes]));
  for (const [name, body] of objects) {
    if (acknowledged.has(name)) expect([name, found.get(name)]).toEqual([name, body.length]);
    if (found.has(name)) expect([name, same(await backend.get(name), body)]).toEqual([name, true]);
    else expect(await backend.stat(name)).toBe(null);
  }
  expect([...found.keys()].filter((name) => !objects.has(name))).toEqual([]);
}

async function callsOf(run: (files: FaultyFiles) => Promise<unknown>): Promise<readonly FileCall[]> {
  const files = new FaultyFiles(undefined, new VolatileDisk());
  await run(files);
  return files.calls;
}

/** Deterministic coin tosses (xorshift32). */
function tosses(seed: number): () => boolean {
  let state = seed * 2_654_435_769 + 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state & 1) === 1;
  };
}

const nothing: Luck = { names: () => false, contents: () => false };
const everything: Luck = { names: () => true, contents: () => true };

function lucks(seed: number): readonly Luck[] {
  const toss = tosses(seed);
  const chance = { names: toss, contents: toss };
  return [nothing, { names: () => true, contents: () => false }, everything, chance, chance];
}

describe('a directory whose process is killed or loses power', () => {
  test('at any call: acknowledged objects are there, the others absent or whole', async () => {
    const { length } = await callsOf((files) => work(files, new Map()));
    expect(length).toBeGreaterThan(40);
    for (let at = 0; at < length; at += 1) {
      for (const luck of lucks(at)) {
        const disk = new VolatileDisk();
        const acknowledged = new Map<string, Uint8Array>();
        const killed = work(new FaultyFiles(({ index }) => (index === at ? 'crash' : null), disk), acknowledged);
        await killed.catch((error: unknown) => expect(error).toBeInstanceOf(Crash));

        const after = disk.cut(luck);
        await expectAbsentOrWhole(await open(after), acknowledged);
        await work(after, acknowledged);
        await expectAbsentOrWhole(await open(after.cut(nothing)), objects);
      }
    }
  });

  test('first killed, then, after the work was done again, without power', async () => {
    const { length } = await callsOf((files) => work(files, new Map()));
    for (let at = 0; at < length; at += 1) {
      const disk = new VolatileDisk();
      const killed = work(new FaultyFiles(({ index }) => (index === at ? 'crash' : null), disk), new Map());
      await killed.catch((error: unknown) => expect(error).toBeInstanceOf(Crash));
      await work(disk, new Map());
      await expectAbsentOrWhole(await open(disk.cut(nothing)), objects);
    }
  });

  test('after the put of an object that someone else copied there', async () => {
    const disk = new VolatileDisk();
    const backend = await open(disk);
    const file = await disk.create(`${ROOT}/valence.json`);
    await file.write(pattern(500, 3), 0);
    await backend.put('valence.json', pattern(500, 3));
    await expectAbsentOrWhole(await open(disk.cut(nothing)), new Map([['valence.json', pattern(500, 3)]]));
  });

  test('at any call on a real disk, without power loss', async () => {
    const { length } = await callsOf((files) => work(files, new Map()));
    for (let at = 0; at < length; at += 3) {
      await using folder = await temporaryFolder();
      const put = async (files?: FileSystem): Promise<DirectoryBackend> => {
        const backend = await openDirectory({ root: folder.path, name: 'nas', mustExist: true, files });
        for (const [name, body] of objects) await backend.put(name, body);
        return backend;
      };
      await put(new FaultyFiles(({ index }) => (index === at ? 'crash' : null))).catch((error: unknown) => {
        expect(error).toBeInstanceOf(Crash);
      });
      const reopened = await openDirectory({ root: folder.path, name: 'nas', mustExist: true });
      await expectAbsentOrWhole(reopened, new Map());
      await expectAbsentOrWhole(await put(), objects);
    }
  });
});

const CODES: Readonly<Record<string, string>> = { ENOSPC: 'backend/full', EDQUOT: 'backend/full' };

describe('a directory whose disk refuses', () => {
  test.for<Fault>(['ENOSPC', 'EDQUOT', 'EIO', 'EACCES', 'EROFS'])('any one call of a put with %s', async (fault) => {
    const put = async (files: FileSystem): Promise<void> => {
      const backend = await open(files);
      await backend.put('shards/ab/one', pattern(3000, 1));
    };
    const calls = await callsOf(put);
    for (const { index, operation } of calls) {
      const disk = new VolatileDisk();
      const failed = await put(new FaultyFiles((call) => (call.index === index ? fault : null), disk)).then(
        () => null,
        (error: unknown) => error,
      );
      // Unheard are failures to remove temporary files, and to sync folders that are not ours to read.
      const unheard = fault === 'EACCES' ? ['remove', 'entries', 'syncFolder'] : ['remove', 'entries'];
      if (failed === null) expect(unheard).toContain(operation);
      else expect(failed).toMatchObject({ code: CODES[fault] ?? 'backend/unavailable', context: { backend: 'nas' } });
      await expectAbsentOrWhole(await open(disk), new Map());
      await put(disk);
      if (failed !== null) expect(await leftovers(disk)).toEqual([]);
    }
  });

  test.for(['get', 'stat', 'list', 'delete'] as const)('any one call of a %s with EIO', async (verb) => {
    const act = (backend: DirectoryBackend): Promise<unknown> => {
      return verb === 'list' ? listed(backend, '') : backend[verb]('shards/ab/one');
    };
    const disk = new VolatileDisk();
    await (await open(disk)).put('shards/ab/one', pattern(3000, 1));
    const clean = new FaultyFiles(undefined, disk.cut(everything));
    const opened = await open(clean);
    const callsToOpen = clean.calls.length;
    await act(opened);
    expect(clean.calls.length).toBeGreaterThan(callsToOpen);
    for (const { index } of clean.calls.slice(callsToOpen)) {
      const files = new FaultyFiles((call) => (call.index === index ? 'EIO' : null), disk.cut(everything));
      const backend = await open(files);
      const error = { code: 'backend/unavailable', context: { backend: 'nas', systemCode: 'EIO' } };
      await expect(act(backend)).rejects.toMatchObject(error);
    }
  });

  test('a body that a full disk takes only in part', async () => {
    const disk = new VolatileDisk();
    const files = new FaultyFiles(({ operation }) => (operation === 'write' ? 'ENOSPC' : null), disk);
    const backend = await open(files);
    await expect(backend.put('a/x', pattern(1000))).rejects.toMatchObject({
      code: 'backend/full',
      message: `backend nas: cannot write ${ROOT}/a/x: no space left on the device`,
      hint: 'free some space there, then run the command again',
    });
    expect(await listed(backend, '')).toEqual([]);
    expect(await leftovers(disk)).toEqual([]);
  });
});

async function leftovers(disk: FileSystem): Promise<string[]> {
  return (await disk.entries(ROOT)).map((entry) => entry.name).filter((name) => name.startsWith('.'));
}

/** `null` where this user may not mount. */
async function tinyDisk(): Promise<string | null> {
  const folder = await temporaryFolder();
  onTestFinished(() => folder[Symbol.asyncDispose]());
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder.path], { stdio: 'ignore' });
  } catch {
    return null;
  }
  onTestFinished(() => void execFileSync('umount', [folder.path]));
  return folder.path;
}

test('a disk that is really full', async ({ skip }) => {
  const path = await tinyDisk();
  if (path === null) return skip('mounting is not permitted here');
  const backend = await openDirectory({ root: join(path, 'nas'), name: 'nas', mustExist: false });
  await backend.put('a/small', pattern(500_000));
  await expect(backend.put('a/large', pattern(600_000))).rejects.toMatchObject({ code: 'backend/full' });
  expect(await readdir(join(path, 'nas'))).toEqual(['a']);
  expect(await backend.freeBytes()).toBeGreaterThan(400_000);
  expect(await backend.stat('a/large')).toBe(null);
  await backend.put('a/other', pattern(300_000));
  expect(same(await backend.get('a/other'), pattern(300_000))).toBe(true);
});
