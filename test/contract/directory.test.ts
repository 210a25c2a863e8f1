import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rename, rm, rmdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Backend } from '../../src/backends/backend.ts';
import type { DirectoryBackend } from '../../src/backends/directory/directory.ts';
import { openDirectory } from '../../src/backends/directory/directory.ts';
import { FaultyFiles } from '../support/faulty-files.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { describeBackendContract, listed, namesOf, pattern, same } from './backend-contract.ts';

describeBackendContract('a directory', () => inTemporaryFolder(null));

describeBackendContract('a directory without hard links', () =>
  inTemporaryFolder(new FaultyFiles(({ operation }) => (operation === 'link' ? 'EPERM' : null))),
);

// As a share over SMB (EOPNOTSUPP, EINVAL), or a disk with FAT (EPERM), may be.
describeBackendContract('a directory without hard links and without fsync of folders', () =>
  inTemporaryFolder(
    new FaultyFiles(({ operation }) => {
      if (operation === 'link') return 'ENOTSUP';
      return operation === 'syncFolder' ? 'EINVAL' : null;
    }),
  ),
);

async function inTemporaryFolder(files: FaultyFiles | null): Promise<Backend> {
  const folder = await temporaryFolder();
  const backend = await openDirectory({ root: folder.path, name: 'd', mustExist: true, ...(files && { files }) });
  return Object.assign(backend, { [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() });
}

function open(root: string, more: { mustExist?: boolean; now?: number } = {}): Promise<DirectoryBackend> {
  const clock = { now: () => more.now ?? Date.now() };
  return openDirectory({ root, name: 'nas', mustExist: more.mustExist ?? true, clock });
}

describe('the root of a directory', () => {
  test('is not made when it must exist', async () => {
    await using folder = await temporaryFolder();
    const root = join(folder.path, 'mount');
    const error = { code: 'backend/unavailable', context: { backend: 'nas', operation: 'open', path: root } };
    await expect(open(root)).rejects.toMatchObject(error);
    expect(await readdir(folder.path)).toEqual([]);
  });

  test('is made with its parents otherwise', async () => {
    await using folder = await temporaryFolder();
    const backend = await open(join(folder.path, 'a/b/c'), { mustExist: false });
    await backend.put('x', pattern(3));
    expect(await readdir(join(folder.path, 'a/b/c'))).toEqual(['x']);
  });

  test('must be a folder', async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 'file'), 'x');
    for (const mustExist of [true, false]) {
      const opening = open(join(folder.path, 'file'), { mustExist });
      await expect(opening).rejects.toMatchObject({ code: 'backend/unavailable' });
    }
  });

  test.for(['missing', 'another folder'])('every call says so when it is %s', async (what) => {
    await using folder = await temporaryFolder();
    const root = join(folder.path, 'mount');
    const backend = await open(root, { mustExist: false });
    await backend.put('shards/ab/one', pattern(3));
    await rename(root, join(folder.path, 'elsewhere'));
    if (what === 'another folder') await mkdir(root);
    const gone = { code: 'backend/unavailable', context: { backend: 'nas', path: root } };
    await expect(backend.get('shards/ab/one')).rejects.toMatchObject(gone);
    await expect(backend.stat('shards/ab/one')).rejects.toMatchObject(gone);
    await expect(backend.delete('shards/ab/one')).rejects.toMatchObject(gone);
    await expect(listed(backend, '')).rejects.toMatchObject(gone);
    await expect(listed(backend, 'shards/')).rejects.toMatchObject(gone);
    await expect(backend.put('shards/ab/two', pattern(3))).rejects.toMatchObject(gone);
    await expect(backend.put('two', pattern(3))).rejects.toMatchObject(gone);
    if (what === 'another folder') expect(await readdir(root)).toEqual([]);
  });

  test('may be reached through a link', async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, 'disk'));
    await symlink('disk', join(folder.path, 'link'));
    const backend = await open(join(folder.path, 'link'));
    await backend.put('x', pattern(3));
    expect(await readdir(join(folder.path, 'disk'))).toEqual(['x']);
    expect(backend.location).toBe(join(folder.path, 'link'));
  });

  test('has free bytes', async () => {
    await using folder = await temporaryFolder();
    expect(await (await open(folder.path)).freeBytes()).toBeGreaterThan(0);
  });
});

describe('links inside a directory', () => {
  test('are never followed', async () => {
    await using folder = await temporaryFolder();
    const [root, outside] = [join(folder.path, 'root'), join(folder.path, 'outside')];
    await mkdir(join(outside, 'ab'), { recursive: true });
    await mkdir(root);
    await writeFile(join(outside, 'secret'), 'secret');
    await symlink(outside, join(root, 'shards'));
    await symlink(join(outside, 'secret'), join(root, 'valence.json'));
    const backend = await open(root);

    expect(await listed(backend, '')).toEqual([]);
    expect(await listed(backend, 'shards/')).toEqual([]);
    for (const name of ['shards/secret', 'valence.json']) {
      expect(await backend.stat(name)).toBe(null);
      await expect(backend.get(name)).rejects.toMatchObject({ code: 'backend/not-found' });
      await backend.delete(name);
    }
    await expect(backend.put('shards/ab/one', pattern(3))).rejects.toMatchObject({ code: 'backend/unavailable' });
    await expect(backend.put('shards/new', pattern(3))).rejects.toMatchObject({ code: 'backend/unavailable' });
    await expect(backend.put('valence.json', pattern(3))).rejects.toMatchObject({ code: 'backend/already-exists' });
    expect(await readdir(outside)).toEqual(['ab', 'secret']);
    expect(await readFile(join(outside, 'secret'), 'utf8')).toBe('secret');
  });
});

describe('what is not ours in a directory', () => {
  test('is passed over', async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, 'lost+found'));
    await mkdir(join(folder.path, '.snapshot'));
    for (const name of ['README', '.DS_Store', '.tmp-1', 'lost+found/x', '.snapshot/x']) {
      await writeFile(join(folder.path, name), 'x');
    }
    const backend = await open(folder.path);
    await backend.put('x', pattern(3));
    expect(await namesOf(backend, '')).toEqual(['x']);
  });

  test('a folder in the place of an object', async () => {
    await using folder = await temporaryFolder();
    const backend = await open(folder.path);
    await backend.put('a/b', pattern(3));
    expect(await backend.stat('a')).toBe(null);
    await expect(backend.put('a', pattern(3))).rejects.toMatchObject({ code: 'backend/already-exists' });
    await expect(backend.put('a/b/c', pattern(3))).rejects.toMatchObject({ code: 'backend/unavailable' });
    await backend.delete('a');
    expect(await namesOf(backend, '')).toEqual(['a/b']);
  });

  test('temporary files go once they are a day old, when something is written', async () => {
    await using folder = await temporaryFolder();
    const now = 1_700_000_000_000;
    const ages = { '.tmp-old': 86_400_001, '.tmp-young': 86_399_000, other: 99_000_000 };
    for (const [name, age] of Object.entries(ages)) {
      await writeFile(join(folder.path, name), 'x');
      await utimes(join(folder.path, name), (now - age) / 1000, (now - age) / 1000);
    }
    const backend = await open(folder.path, { now });
    await listed(backend, '');
    expect((await readdir(folder.path)).toSorted()).toEqual(['.tmp-old', '.tmp-young', 'other']);
    await backend.put('x', pattern(3));
    expect((await readdir(folder.path)).toSorted()).toEqual(['.tmp-young', 'other', 'x']);
  });
});

describe('folders that vanish under an open directory', () => {
  test('are made again by the next put but one', async () => {
    await using folder = await temporaryFolder();
    const backend = await open(folder.path);
    await backend.put('shards/ab/one', pattern(3));
    await backend.delete('shards/ab/one');
    await rmdir(join(folder.path, 'shards/ab'));
    await rm(join(folder.path, 'shards'), { recursive: true });
    expect(await backend.stat('shards/ab/one')).toBe(null);
    expect(await listed(backend, '')).toEqual([]);
    await expect(backend.put('shards/ab/one', pattern(3))).rejects.toMatchObject({ code: 'backend/unavailable' });
    await backend.put('shards/ab/one', pattern(3));
    expect(same(await backend.get('shards/ab/one'), pattern(3))).toBe(true);
    expect((await readdir(folder.path)).toSorted()).toEqual(['shards']);
  });
});

describe('traits', () => {
  test('tell when puts of two processes are not told apart', async () => {
    await using backend = await inTemporaryFolder(
      new FaultyFiles(({ operation }) => (operation === 'link' ? 'ENOTSUP' : null)),
    );
    expect(backend.traits.conditionalPut).toBe(true);
    await backend.put('x', pattern(3));
    expect(backend.traits.conditionalPut).toBe(false);
  });
});

describe('two processes on one directory', () => {
  test('putting the same names with different content: one wins each', async () => {
    await using folder = await temporaryFolder();
    const script = join(import.meta.dirname, '../support/directory-writer.ts');
    const children = [1, 2].map((seed) => fork(script, [folder.path, String(seed)], { execArgv: [] }));
    await Promise.all(children.map((child) => once(child, 'message')));
    const reports = children.map((child) => once(child, 'message'));
    for (const child of children) child.send('go');
    const won = (await Promise.all(reports)).map(([names]) => names as string[]);
    await Promise.all(children.map((child) => once(child, 'exit')));

    expect(won.flat().toSorted()).toEqual(Array.from({ length: 40 }, (_, i) => `shards/${10 + i}/x`).toSorted());
    const backend = await open(folder.path);
    for (const [child, names] of won.entries()) {
      for (const name of names) expect(same(await backend.get(name), pattern(5000, child + 1))).toBe(true);
    }
    expect((await readdir(folder.path)).toSorted()).toEqual(['shards']);
  });
});
