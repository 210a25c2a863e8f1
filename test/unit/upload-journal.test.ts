import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { toHex, utf8 } from '../../src/core/bytes.ts';
import type { FileSystem } from '../../src/core/file-system.ts';
import { JournalFolder } from '../../src/catalog/upload-journal.ts';
import { filler } from '../support/tree-fixture.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { VolatileDisk } from '../support/volatile-disk.ts';
import { withBitFlipped } from './keys-fixture.ts';
import { rejection } from '../support/expect-code.ts';

const IDS = { vaultId: filler('vault', 16), generation: filler('generation', 16) };

function open(folder: string, more: { files?: FileSystem; vaultId?: Uint8Array; generation?: Uint8Array } = {}) {
  return new JournalFolder({ folder, ...IDS, ...more });
}

async function texts(journal: JournalFolder, tier = 'home'): Promise<string[]> {
  return (await journal.read(tier)).map((entry) => Buffer.from(entry).toString());
}

/** What a run that is killed then leaves. */
async function leave(folder: string, entries: readonly string[], tier = 'home'): Promise<void> {
  await using journal = open(folder);
  for (const entry of entries) await journal.append(tier, utf8(entry));
}

describe('the upload journal', () => {
  it('gives every run what those before it left, oldest first', async () => {
    await using home = await temporaryFolder();
    const folder = join(home.path, 'journal');
    await leave(folder, ['one', 'two']);
    await leave(folder, ['three']);
    await using journal = open(folder);
    expect(await texts(journal)).toEqual(['one', 'two', 'three']);
    await journal.append('home', utf8('four'));
    expect(await texts(journal)).toEqual(['one', 'two', 'three', 'four']);
  });

  it('touches nothing before the first entry', async () => {
    await using home = await temporaryFolder();
    await using journal = open(join(home.path, 'journal'));
    expect(await texts(journal)).toEqual([]);
    await journal.clear('home');
    expect(await readdir(home.path)).toEqual([]);
  });

  it('is for its owner alone', async () => {
    await using home = await temporaryFolder();
    const folder = join(home.path, 'journal');
    await leave(folder, ['secret']);
    const [name] = await readdir(folder);
    expect(name).toBe('home.00000001');
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect((await stat(join(folder, name!))).mode & 0o777).toBe(0o600);
  });

  it('keeps tiers apart, also those whose names begin alike', async () => {
    await using home = await temporaryFolder();
    await using journal = open(home.path);
    for (const tier of ['home', 'home-2', 'ho']) await journal.append(tier, utf8(tier));
    await journal.clear('home');
    expect(await texts(journal, 'home')).toEqual([]);
    expect(await texts(journal, 'home-2')).toEqual(['home-2']);
    expect(await texts(journal, 'ho')).toEqual(['ho']);
    await journal.append('home', utf8('again'));
    expect(await texts(journal, 'home')).toEqual(['again']);
  });

  it('takes entries that come at once in the order they came', async () => {
    await using home = await temporaryFolder();
    await using journal = open(home.path);
    const given = Array.from({ length: 30 }, (_, i) => filler(`entry ${i}`, 1 + ((i * 997) % 5000)));
    await Promise.all(given.map((entry) => journal.append('home', entry)));
    expect((await journal.read('home')).map(toHex)).toEqual(given.map(toHex));
    expect(await readdir(home.path)).toHaveLength(1);
  });

  it.for([
    ['another vault', { vaultId: filler('other', 16) }],
    ['another generation', { generation: filler('other', 16) }],
  ] as const)('gives out nothing of %s, and clears it', async ([, other]) => {
    await using home = await temporaryFolder();
    await leave(home.path, ['of before']);
    await using journal = open(home.path, other);
    expect(await texts(journal)).toEqual([]);
    await journal.append('home', utf8('of now'));
    expect(await texts(journal)).toEqual(['of now']);
    expect(await texts(open(home.path))).toEqual(['of before']);
    await journal.clear('home');
    expect(await readdir(home.path)).toEqual([]);
  });

  it('leaves alone what is not its own', async () => {
    await using home = await temporaryFolder();
    const others = ['home.1', 'home.00000001.bak', 'home', 'notes.txt'];
    for (const name of others) await writeFile(join(home.path, name), 'x');
    await mkdir(join(home.path, 'away.00000001'));
    await leave(home.path, ['one']);
    await using journal = open(home.path);
    expect(await texts(journal)).toEqual(['one']);
    expect(await texts(journal, 'away')).toEqual([]);
    await journal.clear('home');
    expect((await readdir(home.path)).toSorted()).toEqual([...others, 'away.00000001'].toSorted());
  });

  it('refuses a tier that would lead elsewhere', async () => {
    await using journal = open('/nowhere');
    for (const tier of ['', '..', '../x', 'a.b', 'A']) {
      expect(() => journal.append(tier, utf8('x'))).toThrow(expect.objectContaining({ code: 'internal/invariant' }));
    }
  });

  it('says where it cannot be kept, without what it keeps', async () => {
    await using home = await temporaryFolder();
    const folder = join(home.path, 'journal');
    await writeFile(folder, 'a file');
    const error = await rejection(open(folder).append('home', utf8('secret')), 'backend/unavailable');
    expect(error.message).toContain(folder);
    expect(JSON.stringify([error.message, error.context])).not.toContain('secret');
  });
});

const PATH = '/journal/home.00000001';

/** A disk whose journal has this file. */
async function diskWith(bytes: Uint8Array): Promise<VolatileDisk> {
  const disk = new VolatileDisk();
  await disk.makeFolder('/journal');
  await (await disk.create(PATH)).write(bytes, 0);
  return disk;
}

describe('a file of the journal', () => {
  const written = (async (): Promise<Uint8Array> => {
    await using home = await temporaryFolder();
    await leave(home.path, ['one', 'number two', 'three']);
    return await readFile(join(home.path, 'home.00000001'));
  })();
  const lastRecord = 4 + 'three'.length + 16;

  test('torn at any byte of its last record keeps those before, and what comes later is kept too', async () => {
    const bytes = await written;
    for (let torn = 1; torn <= lastRecord; torn += 1) {
      const files = await diskWith(bytes.subarray(0, bytes.length - torn));
      const journal = open('/journal', { files });
      expect(await texts(journal)).toEqual(['one', 'number two']);
      await journal.append('home', utf8('four'));
      await journal.append('home', utf8('five'));
      expect(await texts(open('/journal', { files }))).toEqual(['one', 'number two', 'four', 'five']);
    }
  });

  test('with a damaged record keeps those before it, and the files after it', async () => {
    const bytes = await written;
    const [start, end] = [4 + 3 + 16, bytes.length - lastRecord];
    for (let bit = 8 * start; bit < 8 * end; bit += 1) {
      const files = await diskWith(withBitFlipped(bytes, bit));
      await open('/journal', { files }).append('home', utf8('four'));
      expect(await texts(open('/journal', { files }))).toEqual(['one', 'four']);
    }
  });

  test('that was cleared before the power went is gone', async () => {
    const files = new VolatileDisk();
    const journal = open('/journal', { files });
    await journal.append('home', utf8('one'));
    await journal.clear('home');
    for (const luck of [true, false]) {
      const after = files.cut({ names: () => luck, contents: () => luck });
      expect(await texts(open('/journal', { files: after }))).toEqual([]);
    }
  });

  test('whose removal was not durable is removed for good by the next', async () => {
    const files = new VolatileDisk();
    await open('/journal', { files }).append('home', utf8('one'));
    await files.remove(PATH);
    await open('/journal', { files }).clear('home');
    expect(await texts(open('/journal', { files: files.cut({ names: () => false, contents: () => false }) }))).toEqual(
      [],
    );
  });
});
