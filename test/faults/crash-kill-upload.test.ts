import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JournalFolder } from '../../src/catalog/upload-journal.ts';
import { toHex } from '../../src/core/bytes.ts';
import { decodeUploadedPack } from '../../src/pipeline/uploaded-packs.ts';
import { backUp, FIRST_HOST, readAll, TIER, verifyAll } from '../support/disk-vault.ts';
import type { DiskRun } from '../support/disk-vault.ts';
import { hookedBackend } from '../support/hooked-backend.ts';
import type { KillPoint } from '../support/kill-switch.ts';
import { pipelineUntilKilled } from '../support/killed-process.ts';
import { RememberingCatalog } from '../support/remembering-catalog.ts';
import { makeRows, plainRows } from '../support/row-substrate.ts';
import type { RowsMade } from '../support/row-substrate.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';

/** Runs killed by SIGKILL on their way to the backends, on a real disk: what was placed and noted is not sent again. */

let folder: TemporaryFolder;
let count = 0;
let root: string;

beforeAll(async () => {
  folder = await temporaryFolder();
});

afterAll(() => folder[Symbol.asyncDispose]());

function freshRoot(): string {
  root = join(folder.path, String((count += 1)));
  return root;
}

const home = (): string => join(root, 'home');

/** A run in this process, with the names of the shards that it puts. */
async function run(of: Omit<DiskRun, 'root' | 'host'>): Promise<{ digest: string; shards: string[] }> {
  const shards: string[] = [];
  const before = ({ operation, name }: { operation: string; name: string }): void => {
    if (operation === 'put' && name.startsWith('shards/')) shards.push(name);
  };
  const around = { backend: (inner: Parameters<typeof hookedBackend>[0]) => hookedBackend(inner, { before }) };
  const { snapshot } = await backUp({ ...of, root, host: { ...FIRST_HOST, home: home() }, around });
  return { digest: toHex(snapshot.manifest.digest), shards };
}

/** Names of the shards that the journal speaks of. */
async function notedShards(): Promise<string[]> {
  const { vaultId, generation } = FIRST_HOST.hostKey;
  await using journal = new JournalFolder({ folder: join(home(), 'journal'), vaultId, generation });
  const entries = await journal.read(TIER);
  // What comes before a pack is the snapshot that was remembered.
  const packs = entries.map((entry) => decodeUploadedPack(entry.subarray(32)));
  return packs.flatMap(({ stripe }) => stripe.shards.map(({ name }) => toHex(name)));
}

interface NamedPoint extends KillPoint {
  readonly name: string;
  /** In the first run of a vault, not in its second. */
  readonly first?: true;
  readonly visible?: true;
  /** How many of the five shards the next run puts. */
  readonly sentAgain: number;
}

const POINTS: readonly NamedPoint[] = [
  { name: 'after the third shard', operation: 'link', about: '/shards/', number: 3, when: 'after', sentAgain: 5 },
  { name: 'after the last shard', operation: 'link', about: '/shards/', number: 5, when: 'after', sentAgain: 5 },
  { name: 'in the middle of its note', operation: 'write', about: '/journal/', number: 1, when: 'half', sentAgain: 5 },
  { name: 'once the note is durable', operation: 'sync', about: '/journal/', number: 1, when: 'after', sentAgain: 0 },
  {
    name: 'before the first index segment',
    operation: 'link',
    about: '/index/',
    number: 1,
    when: 'before',
    sentAgain: 0,
  },
  {
    name: 'after the first index segment',
    operation: 'link',
    about: '/index/',
    number: 1,
    when: 'after',
    sentAgain: 0,
  },
  { name: 'after the last index segment', operation: 'link', about: '/index/', number: 5, when: 'after', sentAgain: 0 },
  {
    name: 'after the first key bundle',
    operation: 'link',
    about: '/keys/',
    number: 1,
    when: 'after',
    sentAgain: 0,
    first: true,
  },
  {
    name: 'after the last key bundle',
    operation: 'link',
    about: '/keys/',
    number: 5,
    when: 'after',
    sentAgain: 0,
    first: true,
  },
  {
    name: 'before the first manifest',
    operation: 'link',
    about: '/snapshots/',
    number: 1,
    when: 'before',
    sentAgain: 0,
  },
];

const SMALL: RowsMade = { counts: { beliefs: 60, belief_edges: 40 }, bytes: 900, edits: [] };
const EDITED: RowsMade = {
  ...SMALL,
  edits: [Array.from({ length: 20 }, (_, row) => ({ table: 'beliefs', row, bytes: 5000 }) as const)],
};

describe('a run killed', () => {
  it.each(POINTS)('$name', async ({ sentAgain, first = false, ...point }) => {
    freshRoot();
    const catalog = new RememberingCatalog();
    const before = first ? [] : [await run({ catalog, source: makeRows(SMALL).source(), seed: 'before' })];
    const rows = first ? SMALL : EDITED;
    const { signal, errors } = await pipelineUntilKilled({ root, point, rows, commits: catalog.commits });
    expect({ signal, errors }).toEqual({ signal: 'SIGKILL', errors: '' });
    expect((await readAll({ root })).map(({ digest }) => digest)).toEqual(before.map(({ digest }) => digest));
    const substrate = makeRows(rows);
    const next = await run({ catalog, source: substrate.source(), seed: 'next' });
    expect(next.shards).toHaveLength(sentAgain);
    const after = await readAll({ root });
    expect(after.map(({ digest }) => digest)).toEqual([...before, next].map(({ digest }) => digest));
    expect(after.at(-1)!.rows).toEqual(plainRows(substrate.state));
    const verified = (await verifyAll({ root, catalog }))!;
    expect(verified.findings.filter(({ severity }) => severity !== 'info')).toEqual([]);
  });
});

describe('an upload killed when nine tenths of its shards are there', () => {
  it('goes on with what is left', async () => {
    freshRoot();
    const rows: RowsMade = { counts: { beliefs: 1200 }, bytes: 100_000, edits: [] };
    const profile = { k: 1, n: 3 };
    const total = 360;
    const point = { operation: 'link', about: '/shards/', number: 324, when: 'after' } as const;
    const killed = await pipelineUntilKilled({ root, point, rows, profile, commits: [] });
    expect({ signal: killed.signal, errors: killed.errors }).toEqual({ signal: 'SIGKILL', errors: '' });
    const noted = await notedShards();
    // All but stripes of which a holder has a shard on its way, or in its queue, and the two that may wait to be noted: some ten
    // of 120, however many there are.
    expect(noted.length).toBeGreaterThanOrEqual(0.8 * total);
    const catalog = new RememberingCatalog();
    const source = makeRows(rows);
    const next = await run({ catalog, source: source.source(), seed: 'next', profile });
    expect(next.shards.length).toBeLessThanOrEqual(total - noted.length + 3);
    expect((await readAll({ root })).map((read) => read.rows)).toEqual([plainRows(source.state)]);
    const verified = (await verifyAll({ root, catalog }))!;
    expect(verified.findings.filter(({ severity }) => severity !== 'info')).toEqual([]);
  });
});
