import { describe, expect, it, test } from 'vitest';
import { utf8 } from '../../src/core/bytes.ts';
import { isValenceError } from '../../src/core/errors.ts';
import type { FileSystem, OpenFile } from '../../src/core/file-system.ts';
import { JournalFolder } from '../../src/catalog/upload-journal.ts';
import { rejection } from '../support/expect-code.ts';
import type { Fault } from '../support/faulty-files.ts';
import { Crash, FaultyFiles } from '../support/faulty-files.ts';
import { filler } from '../support/tree-fixture.ts';
import type { Luck } from '../support/volatile-disk.ts';
import { VolatileDisk } from '../support/volatile-disk.ts';

const nothing: Luck = { names: () => false, contents: () => false };
const namesOnly: Luck = { names: () => true, contents: () => false };
const contentsOnly: Luck = { names: () => false, contents: () => true };
const everything: Luck = { names: () => true, contents: () => true };
const lucks = [nothing, namesOnly, contentsOnly, everything];

function open(files: FileSystem): JournalFolder {
  return new JournalFolder({
    folder: '/home/journal',
    vaultId: filler('vault', 16),
    generation: filler('generation', 16),
    files,
  });
}

async function texts(files: FileSystem, tier = 'home'): Promise<string[]> {
  return (await open(files).read(tier)).map((entry) => Buffer.from(entry).toString());
}

async function diskWithHome(): Promise<VolatileDisk> {
  const disk = new VolatileDisk();
  await disk.makeFolder('/home');
  await disk.syncFolder('/');
  return disk;
}

/** Notes them one after another until one fails, and tells which were acknowledged, and how it ended. */
async function note(journal: JournalFolder, entries: readonly string[]): Promise<{ noted: string[]; error: unknown }> {
  const noted: string[] = [];
  for (const entry of entries) {
    try {
      await journal.append('home', utf8(entry));
      noted.push(entry);
    } catch (error) {
      return { noted, error };
    }
  }
  return { noted, error: null };
}

const ENTRIES = ['one', 'entry two', 'three', 'entry four'];

describe('wherever the power goes', () => {
  test.for([[[]], [['of before', 'the last run']]])(
    'every entry that was acknowledged is there afterwards (after %j)',
    async ([before]) => {
      for (let at = 0, ended = false; !ended; at += 1) {
        for (const luck of lucks) {
          const disk = await diskWithHome();
          await note(open(disk), before!);
          const faulty = new FaultyFiles(({ index }) => (index === at ? 'crash' : null), disk);
          const { noted, error } = await note(open(faulty), ENTRIES);
          ended = error === null;
          if (!ended) expect(error).toBeInstanceOf(Crash);
          const all = [...before!, ...ENTRIES];
          const acknowledged = before!.length + noted.length;

          const after = disk.cut(luck);
          const found = await texts(after);
          expect(found).toEqual(all.slice(0, Math.max(acknowledged, found.length)));
          expect(found.length).toBeLessThanOrEqual(acknowledged + 1);

          // What the next run notes survives as well, whatever the last one left.
          expect((await note(open(after), ['later', 'last'])).noted).toHaveLength(2);
          expect(await texts(after.cut(nothing))).toEqual([...found, 'later', 'last']);
        }
      }
    },
  );

  it('of two tiers at once, neither loses what it was promised', async () => {
    for (let at = 0, ended = false; !ended; at += 1) {
      const disk = await diskWithHome();
      const journal = open(new FaultyFiles(({ index }) => (index === at ? 'crash' : null), disk));
      const tiers = ['home', 'away'];
      const noted = new Map<string, string[]>(tiers.map((tier) => [tier, []]));
      const results = await Promise.allSettled(
        ENTRIES.flatMap((entry) =>
          tiers.map((tier) =>
            journal.append(tier, utf8(`${tier} ${entry}`)).then(() => noted.get(tier)!.push(`${tier} ${entry}`)),
          ),
        ),
      );
      ended = results.every(({ status }) => status === 'fulfilled');
      for (const luck of lucks) {
        const after = disk.cut(luck);
        for (const [tier, entries] of noted) {
          expect(await texts(after, tier)).toEqual(expect.arrayContaining(entries));
        }
      }
    }
  });

  it('a journal that is being cleared holds no half of an entry, and once cleared none', async () => {
    for (let at = 0, ended = false; !ended; at += 1) {
      for (const luck of lucks) {
        const disk = await diskWithHome();
        for (const run of ['one', 'two']) await note(open(disk), [run]);
        const faulty = new FaultyFiles(({ index }) => (index === at ? 'crash' : null), disk);
        ended = await open(faulty)
          .clear('home')
          .then(
            () => true,
            () => false,
          );
        const after = disk.cut(luck);
        const found = await texts(after);
        if (ended) expect(found).toEqual([]);
        expect(['one', 'two']).toEqual(expect.arrayContaining(found));
        await open(after).clear('home');
        expect(await texts(after.cut(nothing))).toEqual([]);
      }
    }
  });
});

describe('when a call fails', () => {
  test.for([
    ['ENOSPC', 'backend/full'],
    ['EIO', 'backend/unavailable'],
  ] as const satisfies readonly (readonly [Fault, string])[])(
    'with %s, the append rejects, and those before and after it are kept',
    async ([fault, code]) => {
      for (let at = 0, ended = false; !ended; at += 1) {
        const disk = await diskWithHome();
        const faulty = new FaultyFiles(({ index }) => (index === at ? fault : null), disk);
        const journal = open(faulty);
        const noted: string[] = [];
        for (const entry of ENTRIES) {
          await journal.append('home', utf8(entry)).then(
            () => noted.push(entry),
            (error: unknown) => expect(isValenceError(error, code)).toBe(true),
          );
        }
        ended = faulty.calls.length <= at;
        expect(noted.length).toBeGreaterThanOrEqual(ENTRIES.length - 1);
        expect(await texts(disk.cut(nothing))).toEqual(noted);
        expect(await texts(disk)).toEqual(expect.arrayContaining(noted));
      }
    },
  );

  it('the file is closed and not written again', async () => {
    for (let at = 0, ended = false; !ended; at += 1) {
      const opened = new Set<string>();
      const disk = await diskWithHome();
      const watched: FileSystem = {
        ...bound(disk),
        create: async (path) => watching(await disk.create(path), path, opened),
      };
      const faulty = new FaultyFiles(
        ({ index, operation }) => (index === at && operation !== 'close' ? 'EIO' : null),
        watched,
      );
      const failed: unknown[] = [];
      {
        await using journal = open(faulty);
        for (const entry of ENTRIES) await journal.append('home', utf8(entry)).catch((error) => failed.push(error));
      }
      ended = faulty.calls.length <= at;
      expect(failed.length).toBeLessThanOrEqual(1);
      expect([...opened]).toEqual([]);
    }
  });

  it('reading says so', async () => {
    const disk = await diskWithHome();
    await note(open(disk), ENTRIES);
    const faulty = new FaultyFiles(({ operation }) => (operation === 'read' ? 'EIO' : null), disk);
    await rejection(open(faulty).read('home'), 'backend/unavailable');
  });
});

test('entries are whole also where each call writes and reads little', async () => {
  const disk = await diskWithHome();
  const little = (file: OpenFile): OpenFile => ({
    ...file,
    read: (target, position) => file.read(target.subarray(0, 3), position),
    write: (bytes, position) => file.write(bytes.subarray(0, 3), position).then((count) => Math.min(count, 3)),
  });
  const files: FileSystem = {
    ...bound(disk),
    open: async (path) => little(await disk.open(path)),
    create: async (path) => little(await disk.create(path)),
  };
  await note(open(files), ENTRIES);
  expect(await texts(files)).toEqual(ENTRIES);
});

/** Refuses what is asked of a closed file, as an operating system does. */
function watching(file: OpenFile, path: string, opened: Set<string>): OpenFile {
  opened.add(path);
  return {
    ...file,
    write: async (bytes, position) => {
      if (!opened.has(path)) throw new Error('written after it was closed');
      return file.write(bytes, position);
    },
    close: async () => {
      if (!opened.delete(path)) throw new Error('closed twice');
      await file.close();
    },
  };
}

/** A disk as an object whose calls can be exchanged one by one. */
function bound(disk: VolatileDisk): FileSystem {
  return {
    open: (path) => disk.open(path),
    create: (path) => disk.create(path),
    link: (existing, path) => disk.link(existing, path),
    rename: (from, path) => disk.rename(from, path),
    remove: (path) => disk.remove(path),
    makeFolder: (path) => disk.makeFolder(path),
    syncFolder: (path) => disk.syncFolder(path),
    status: (path) => disk.status(path),
    realPath: (path) => disk.realPath(path),
    entries: (path) => disk.entries(path),
    freeBytes: () => disk.freeBytes(),
  };
}
