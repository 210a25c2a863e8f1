import { beforeEach, describe, expect, it } from 'vitest';
import type { Backend, ObjectInfo } from '../../src/backends/backend.ts';
import { toHex } from '../../src/core/bytes.ts';
import type { BackedUp } from '../../src/pipeline/backup.ts';
import { backUp, PLACES, readAll, verifyAll } from '../support/disk-vault.ts';
import { hookedBackend } from '../support/hooked-backend.ts';
import { RememberingCatalog } from '../support/remembering-catalog.ts';
import { plainRows, RowSubstrate, rowState } from '../support/row-substrate.ts';
import { VolatileDisk } from '../support/volatile-disk.ts';

/** Stores whose listings lag behind what they keep and give out by name. */

let files: VolatileDisk;
let catalog: RememberingCatalog;
let substrate: RowSubstrate;
let stored: BackedUp[];

beforeEach(async () => {
  [files, catalog, stored] = [new VolatileDisk(), new RememberingCatalog(), []];
  substrate = new RowSubstrate(rowState({ beliefs: 60, belief_edges: 20 }, 1500));
  await run();
  before = await objectsNow();
  substrate.edit(
    'second',
    Array.from({ length: 30 }, (_, row) => ({ table: 'beliefs', row, bytes: 4000 }) as const),
  );
  await run();
});

/** Names of objects that were there before the second run. */
let before: ReadonlySet<string>;

async function objectsNow(): Promise<ReadonlySet<string>> {
  const names: string[] = [];
  const walk = async (folder: string): Promise<void> => {
    for (const { name, kind } of await files.entries(folder)) {
      if (kind === 'folder') await walk(`${folder}/${name}`);
      else names.push(`${folder}/${name}`.slice(1).replace(/^d\d\//, ''));
    }
  };
  for (const place of PLACES) await walk(`/${place}`);
  return new Set(names);
}

async function run(lagging: (name: string) => boolean = () => false): Promise<BackedUp> {
  const shows = ({ name }: ObjectInfo): boolean => !lagging(name);
  const around = { backend: (inner: Backend) => hookedBackend(inner, { shows }) };
  const seed = `run ${stored.length}`;
  const done = await backUp({ files, catalog, source: substrate.source(), seed, around });
  stored.push(done);
  return done;
}

describe('a run whose stores do not list yet what the last one put', () => {
  it.each([
    ['manifests', 'snapshots/', 'changes'],
    ['shards', 'shards/', 'everything'],
    ['index segments', 'index/', 'everything'],
    ['key bundles', 'keys/', 'changes'],
    ['objects', '', 'everything'],
  ])('%s: it commits, follows the last one, and nothing is harmed', async (_, prefix, scan) => {
    substrate.edit('third', [{ table: 'beliefs', row: 50, bytes: 100 }]);
    const third = await run((name) => name.startsWith(prefix) && !before.has(name));
    expect({ scan: third.scan, sequence: third.snapshot.manifest.header.sequence }).toEqual({ scan, sequence: 3 });
    const [, second] = stored;
    expect(third.snapshot.manifest.header.previous).toEqual(second!.snapshot.manifest.digest);
    expect(third.snapshot.summary).toMatchObject({ survives: 2, degraded: false });
    substrate.edit('fourth', [{ table: 'beliefs', row: 51, bytes: 100 }]);
    await run();
    const all = await readAll({ files });
    expect(all.map(({ digest }) => digest)).toEqual(stored.map(({ snapshot }) => toHex(snapshot.manifest.digest)));
    expect(all.map(({ rows }) => rows)).toEqual(substrate.states.map(plainRows));
    const verified = (await verifyAll({ files, catalog }))!;
    expect({ status: verified.status, restorable: verified.restorable }).toEqual({ status: 'ok', restorable: true });
  });

  it('one store alone: it is as if all did', async () => {
    const shows = ({ name }: ObjectInfo): boolean => before.has(name);
    const backend = (inner: Backend, place: string): Backend =>
      place === 'd2' ? hookedBackend(inner, { shows }) : inner;
    substrate.edit('third', [{ table: 'beliefs', row: 50, bytes: 100 }]);
    const third = await backUp({ files, catalog, source: substrate.source(), seed: 'third', around: { backend } });
    expect(third.scan).toBe('changes');
    expect((await readAll({ files })).map(({ rows }) => rows)).toEqual(substrate.states.map(plainRows));
  });
});

describe('a verification while a store does not list the newest manifest', () => {
  const lagging = (inner: Backend): Backend =>
    hookedBackend(inner, { shows: ({ name }) => !name.startsWith('snapshots/') || before.has(name) });

  it('finds by its name what this host remembers, and no break of the chain', async () => {
    const verified = (await verifyAll({ files, catalog, backend: lagging }))!;
    expect(verified.findings.filter(({ kind }) => kind === 'snapshot-missing')).toEqual([]);
    expect(verified.restorable).toBe(true);
  });
});
