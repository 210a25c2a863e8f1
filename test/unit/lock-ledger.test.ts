import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, test } from 'vitest';
import { LockFolder } from '../../src/catalog/lock-ledger.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { filler } from '../support/tree-fixture.ts';

const locked = {
  digest: filler('snapshot', 32),
  holders: new Map([
    ['a', 5],
    ['b', 1_800_000_000_000],
  ]),
};

it('gives back what was written last, tier by tier', async () => {
  await using home = await temporaryFolder();
  const folder = join(home.path, 'locks');
  expect(await new LockFolder({ folder }).read('daily')).toBeNull();
  const ledger = new LockFolder({ folder });
  await ledger.write('daily', { ...locked, holders: new Map() });
  await ledger.write('daily', locked);
  expect(await new LockFolder({ folder }).read('daily')).toEqual(locked);
  expect(await ledger.read('hourly')).toBeNull();
  expect(await readdir(folder)).toEqual(['daily.json']);
});

test.for([
  ['empty', ''],
  ['cut short', '{"digest":"00'],
  ['no object', '7'],
  ['of another shape', '{"digest":7,"holders":{}}'],
  ['with a digest that is none', '{"digest":"zz","holders":{}}'],
  ['without holders', `{"digest":"${'00'.repeat(32)}","holders":null}`],
])('a file that is %s is as good as none', async ([, text]) => {
  await using home = await temporaryFolder();
  await writeFile(join(home.path, 'daily.json'), text!);
  expect(await new LockFolder({ folder: home.path }).read('daily')).toBeNull();
});

it('that cannot be read is as good as none', async () => {
  await using home = await temporaryFolder();
  await mkdir(join(home.path, 'daily.json'));
  expect(await new LockFolder({ folder: home.path }).read('daily')).toBeNull();
});
