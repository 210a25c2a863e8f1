import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { utf8 } from '../../src/core/bytes.ts';
import type { FileSystem, OpenFile } from '../../src/core/file-system.ts';
import { systemFiles } from '../../src/core/file-system.ts';
import { makeFolderDurably, readWholeFile, removeDurably, syncTree, writeFileDurably } from '../../src/core/files.ts';
import { FolderSyncs } from '../../src/core/folder-syncs.ts';
import { Crash, FaultyFiles } from '../support/faulty-files.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { Luck } from '../support/volatile-disk.ts';
import { VolatileDisk } from '../support/volatile-disk.ts';

const nothing: Luck = { names: () => false, contents: () => false };
const namesOnly: Luck = { names: () => true, contents: () => false };
const everything: Luck = { names: () => true, contents: () => true };

async function textAt(files: FileSystem, path: string): Promise<string | null> {
  const bytes = await readWholeFile(path, { files });
  return bytes === null ? null : Buffer.from(bytes).toString();
}

describe('a file that is replaced', () => {
  test('is the old or the new one, wherever the process or the power stops', async () => {
    for (let at = 0; ; at += 1) {
      let stopped = true;
      for (const luck of [nothing, namesOnly, everything]) {
        const disk = new VolatileDisk();
        await makeFolderDurably('/home', { files: disk });
        await writeFileDurably('/home/x', utf8('old'), { files: disk });
        const faulty = new FaultyFiles(({ index }) => (index === at ? 'crash' : null), disk);
        const writing = writeFileDurably('/home/x', utf8('new one'), { files: faulty });
        stopped = await writing.then(
          () => false,
          (error: unknown) => error instanceof Crash,
        );
        const after = await textAt(disk.cut(luck), '/home/x');
        expect(stopped ? ['old', 'new one'] : ['new one']).toContain(after);
      }
      if (!stopped) return;
    }
  });

  test('has the permissions asked for, and leaves nothing else behind', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'key');
    await writeFileDurably(path, utf8('1'), { mode: 0o600, exclusive: true });
    await writeFileDurably(path, utf8('2'), { mode: 0o600 });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder.path)).toEqual(['key']);
    const writing = writeFileDurably(path, utf8('3'), { exclusive: true });
    await expect(writing).rejects.toMatchObject({ code: 'backend/already-exists' });
    expect(await readFile(path, 'utf8')).toBe('2');
    expect(await readdir(folder.path)).toEqual(['key']);
  });

  test('whole, also where each call writes and reads little', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'x');
    const little = (file: OpenFile): OpenFile => ({
      status: () => file.status(),
      read: (target, position) => file.read(target.subarray(0, 3), position),
      write: (bytes, position) => file.write(bytes.subarray(0, 3), position),
      sync: () => file.sync(),
      close: () => file.close(),
    });
    const files: FileSystem = {
      ...systemFiles,
      open: async (name) => little(await systemFiles.open(name)),
      create: async (name, mode) => little(await systemFiles.create(name, mode)),
    };
    await writeFileDurably(path, utf8('ten letters'), { files });
    expect(await readFile(path, 'utf8')).toBe('ten letters');
    expect(await textAt(files, path)).toBe('ten letters');
  });

  test('says what failed and where', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'missing', 'x');
    await expect(writeFileDurably(path, utf8('1'))).rejects.toMatchObject({
      code: 'backend/unavailable',
      message: `cannot write ${path}: no such file or folder`,
      context: { operation: 'write', path, systemCode: 'ENOENT' },
    });
    expect(await readWholeFile(path)).toBe(null);
  });
});

describe('folders', () => {
  test('made and acknowledged, they survive the power', async () => {
    for (let at = 0; ; at += 1) {
      const disk = new VolatileDisk();
      const faulty = new FaultyFiles(({ index }) => (index === at ? 'crash' : null), disk);
      const made = await makeFolderDurably('/a/b/c', { files: faulty }).then(
        () => true,
        () => false,
      );
      await makeFolderDurably('/a/b/c', { files: disk });
      expect((await disk.cut(nothing).status('/a/b/c')).kind).toBe('folder');
      if (made) return;
    }
  });

  test('are not made over a file, and are where a link leads', async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 'file'), 'x');
    await mkdir(join(folder.path, 'disk'));
    await symlink('disk', join(folder.path, 'link'));
    await symlink('nowhere', join(folder.path, 'dangling'));
    for (const name of ['file', 'file/x', 'dangling', 'dangling/x']) {
      const making = makeFolderDurably(join(folder.path, name));
      await expect(making).rejects.toMatchObject({ code: 'backend/unavailable' });
    }
    await makeFolderDurably(join(folder.path, 'link/a/b'));
    expect(await readdir(join(folder.path, 'disk/a'))).toEqual(['b']);
  });

  test('with all that is in them are made durable', async () => {
    const disk = new VolatileDisk();
    await makeFolderDurably('/db', { files: disk });
    await disk.makeFolder('/db/base');
    for (let i = 0; i < 20; i += 1) await (await disk.create(`/db/base/${i}`)).write(utf8(`text ${i}`), 0);
    await (await disk.create('/db/version')).write(utf8('17'), 0);
    await syncTree('/db', { files: disk });
    const after = disk.cut(nothing);
    expect((await after.entries('/db/base')).length).toBe(20);
    expect(await textAt(after, '/db/base/13')).toBe('text 13');
    expect(await textAt(after, '/db/version')).toBe('17');
  });

  test('links among them are not followed', async () => {
    await using folder = await temporaryFolder();
    await symlink('/nowhere', join(folder.path, 'link'));
    await mkdir(join(folder.path, 'inside'));
    await syncTree(folder.path);
    await expect(syncTree(join(folder.path, 'missing'))).rejects.toMatchObject({ code: 'backend/unavailable' });
  });
});

describe('a removed file', () => {
  test('stays away', async () => {
    const disk = new VolatileDisk();
    await makeFolderDurably('/a', { files: disk });
    await writeFileDurably('/a/x', utf8('1'), { files: disk });
    await removeDurably('/a/x', { files: disk });
    expect(await textAt(disk.cut(nothing), '/a/x')).toBe(null);
    await removeDurably('/a/x', { files: disk });
  });
});

describe('merged fsyncs of a folder', () => {
  test('each waits for one that began after it was asked for, and shares it', async () => {
    const begun: { folder: string; end: () => void }[] = [];
    const syncs = new FolderSyncs((folder) => new Promise((end) => void begun.push({ folder, end })));
    const turns = async (): Promise<void> => {
      for (let i = 0; i < 10; i += 1) await Promise.resolve();
    };
    const first = syncs.request('a');
    await turns();
    let shared = 0;
    const later = Array.from({ length: 50 }, async () => {
      await syncs.request('a');
      shared += 1;
    });
    const other = syncs.request('b');
    await turns();
    expect(begun.map(({ folder }) => folder)).toEqual(['a', 'b']);
    begun[0]?.end();
    await first;
    await turns();
    expect([begun.length, shared]).toEqual([3, 0]);
    begun[2]?.end();
    begun[1]?.end();
    await Promise.all([...later, other]);
    expect([begun.length, shared]).toEqual([3, 50]);
  });

  test('a failed one fails those who waited for it, and no other', async () => {
    let calls = 0;
    const syncs = new FolderSyncs(async () => {
      calls += 1;
      if (calls === 1) throw new Error('first');
    });
    const first = syncs.request('a');
    await expect(first).rejects.toThrow('first');
    await syncs.request('a');
    expect(calls).toBe(2);
  });
});
