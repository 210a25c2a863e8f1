import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DiffSummary, RowDifference } from '../../src/app/diff-calls.ts';
import { systemRandom } from '../../src/core/random.ts';
import { openContext } from '../../src/app/context.ts';
import { createWriter } from '../../src/app/keys.ts';
import { encodeHostKey, parseHostKey } from '../../src/format/keys/host-key.ts';
import { encodeMasterKey, openMasterKey, parseMasterKey } from '../../src/format/keys/master-key.ts';
import { createMasterSeed, ownerIdentity } from '../../src/format/keys/owner.ts';
import { createGenerationSecrets } from '../../src/format/keys/writer-secrets.ts';
import { openValence } from '../../src/index.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';
import {
  beliefNumber,
  buildVault,
  copyVault,
  importLines,
  longText,
  onHome,
  onHost,
  PASSPHRASE,
} from '../support/vault-folders.ts';
import type { VaultFolders } from '../support/vault-folders.ts';
import { jsonLines, runCli } from './run-cli.ts';
import type { CliResult } from './run-cli.ts';

let folder: TemporaryFolder;
let vault: VaultFolders;
/** Ids of four snapshots; the first three as `buildVault` takes them. */
let ids: string[];
/** What was added for the fourth. */
let edgeId: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  vault = await buildVault(join(folder.path, 'vault'));
  await using valence = openValence({ home: vault.home, env: { VALENCE_PASSPHRASE: PASSPHRASE } });
  await importLines(valence, [
    {
      id: beliefNumber(900),
      content: 'newly\u001b[31m known',
      confidence: 0.7,
      domains: ['birds'],
      metadata: { note: 'new' },
      provenance: { source_type: 'web', source_id: 'https://example.org' },
      embeddings: { fresh: [1, 2, 3, 4] },
    },
  ]);
  ({ id: edgeId } = await valence.graph.addEdge({
    source: beliefNumber(900),
    target: beliefNumber(2),
    edge_type: 'supports',
    weight: 0.25,
  }));
  await valence.belief.set(beliefNumber(3), { domains: ['naïve'] });
  ids = vault.snapshots.map(({ id }) => id);
  for await (const { id } of valence.backup.run({})) ids.push(id);
}, 120_000);

afterAll(() => folder[Symbol.asyncDispose]());

/** `backup diff` with the words given, on the home of a vault. */
async function diff(
  words: readonly string[],
  of: VaultFolders = vault,
): Promise<{ rows: RowDifference[]; summary: DiffSummary; result: CliResult }> {
  const result = await onHome(of, 'backup', 'diff', ...words);
  expect({ exit: result.exit, stderr: result.stderr }).toEqual({ exit: 0, stderr: '' });
  const events = jsonLines(result.stdout);
  return {
    rows: events.slice(0, -1) as unknown as RowDifference[],
    summary: events.at(-1) as unknown as DiffSummary,
    result,
  };
}

function text(words: readonly string[]): Promise<CliResult> {
  return runCli(['backup', 'diff', ...words, '--home', vault.home], { env: { VALENCE_PASSPHRASE: PASSPHRASE } });
}

const NONE = { added: 0, changed: 0, removed: 0 };

describe('backup diff', () => {
  it('tells which fields of a belief changed, and counts its versions', async () => {
    const { rows, summary } = await diff([ids[0]!, ids[1]!]);
    expect(rows).toEqual([
      {
        type: 'difference',
        table: 'beliefs',
        change: 'changed',
        id: beliefNumber(5),
        label: `belief 5: ${longText('belief 5', 5)}`,
        row: null,
        fields: {
          confidence: { before: 0.05, after: 0.125 },
          version: { before: 1, after: 2 },
          updated_at: { before: expect.stringMatching(/Z$/), after: expect.stringMatching(/Z$/) },
        },
      },
    ]);
    expect(summary).toMatchObject({
      type: 'summary',
      before: { id: ids[0], tier: 'main', sequence: 1, createdAt: vault.snapshots[0]!.createdAt },
      after: { id: ids[1], tier: 'main', sequence: 2 },
      tables: {
        beliefs: { added: 0, changed: 1, removed: 0 },
        versions: { added: 1, changed: 0, removed: 0 },
        sources: NONE,
        provenance: NONE,
        edges: NONE,
        models: NONE,
        embeddings: NONE,
      },
      embeddingsByModel: {},
    });
  });

  it('gives large values whole', async () => {
    const { rows } = await diff([ids[1]!, ids[2]!]);
    expect(rows.map(({ id }) => id)).toEqual([beliefNumber(1)]);
    expect(rows[0]!.fields!['content']).toEqual({
      before: longText('first', 300_000),
      after: longText('second', 300_000),
    });
    expect(rows[0]!.label).toBe(longText('second', 300_000).slice(0, 200));
  });

  it('without a second snapshot compares with the latest; the other way round, what was added is removed', async () => {
    const { rows, summary } = await diff([ids[2]!.slice(0, 12)]);
    expect(summary.after).toMatchObject({ id: ids[3], sequence: 4 });
    expect(rows.map(({ table, change, id }) => [table, change, id])).toEqual([
      ['beliefs', 'changed', beliefNumber(3)],
      ['beliefs', 'added', beliefNumber(900)],
      ['sources', 'added', expect.any(String)],
      ['edges', 'added', edgeId],
    ]);
    expect(rows[1]!.row).toMatchObject({
      content: 'newly\u001b[31m known',
      confidence: 0.7,
      dimensions: null,
      domains: ['birds'],
      status: 'active',
      valid_from: null,
      metadata: { note: 'new' },
      version: 1,
    });
    expect(rows[1]!.row).not.toHaveProperty('id');
    expect(rows[2]).toMatchObject({
      label: 'web https://example.org',
      row: { source_type: 'web', source_id: 'https://example.org', title: null },
    });
    expect(rows[3]).toMatchObject({
      source: beliefNumber(900),
      target: beliefNumber(2),
      edge_type: 'supports',
      label: null,
      row: { weight: 0.25, retired_at: null },
    });
    const back = await diff(['latest', ids[2]!, '--tier', 'main']);
    const turned = { added: 'removed', removed: 'added', changed: 'changed' } as const;
    expect(back.rows.map(({ id, change, row }) => [id, change, row])).toEqual(
      rows.map(({ id, change, row }) => [id, turned[change], row]),
    );
    expect(back.summary.tables.provenance).toEqual({ added: 0, changed: 0, removed: 1 });
  });

  it('--all lists every table, --stat none; both count the same', async () => {
    const words = [ids[2]!, ids[3]!];
    const [all, knowledge, stat] = [
      await diff([...words, '--all']),
      await diff(words),
      await diff([...words, '--stat']),
    ];
    expect(all.rows.map(({ table, change }) => `${table} ${change}`)).toEqual([
      'beliefs changed',
      'beliefs added',
      'versions added',
      'sources added',
      'provenance added',
      'edges added',
      'models added',
      'embeddings added',
    ]);
    expect(all.rows[2]).toMatchObject({ id: beliefNumber(3), version: 1, row: { domains: [] } });
    expect(all.rows[4]).toMatchObject({ id: beliefNumber(900), source: all.rows[3]!.id });
    expect(all.rows[7]).toMatchObject({ id: beliefNumber(900), model: 'fresh', row: { embedding: { dimensions: 4 } } });
    expect(stat.rows).toEqual([]);
    for (const { summary } of [knowledge, stat]) {
      expect({ ...summary, bytesRead: 0 }).toEqual({ ...all.summary, bytesRead: 0 });
    }
    expect(stat.summary.embeddingsByModel).toEqual({ fresh: { added: 1, changed: 0, removed: 0 } });
    expect(stat.summary.bytesRead).toBeLessThanOrEqual(all.summary.bytesRead);
  });

  it('reads nothing where nothing differs', async () => {
    const { rows, summary } = await diff([ids[1]!, ids[1]!]);
    expect(rows).toEqual([]);
    expect(Object.values(summary.tables)).toEqual(Array.from({ length: 7 }, () => NONE));
    expect(summary.bytesRead).toBe(0);
  });

  it('says it to people in lines', async () => {
    const short = beliefNumber(900).slice(0, 18);
    const { exit, stdout } = await text([ids[2]!, '--all']);
    expect(exit).toBe(0);
    const lines = stdout.split('\n');
    expect(lines[0]).toBe(`~ belief ${short}  domains [] → ["naïve"]  水は氷になる 🧊 " \\\\u0001`);
    expect(lines[1]).toBe(`+ belief ${short}  0.70  newly\\u001b[31m known`);
    expect(lines[5]).toBe(`+ edge   ${edgeId.slice(0, 18)} ${short} supports ${short}  0.25`);
    expect(lines[7]).toBe(`+ embedding ${short} fresh`);
    expect(lines.slice(8)).toEqual([
      '            ADDED  CHANGED  REMOVED',
      'beliefs     1      1        0',
      'versions    1      0        0',
      'sources     1      0        0',
      'provenance  1      0        0',
      'edges       1      0        0',
      'models      1      0        0',
      'embeddings  1      0        0',
      '  fresh     1      0        0',
      expect.stringMatching(/^main #3 [0-9a-f]{12} \(.*Z\) → main #4 [0-9a-f]{12} \(.*Z\), [0-9.]+ KiB read$/),
      '',
    ]);
    const long = (await text([ids[1]!, ids[2]!])).stdout.split('\n')[0]!;
    expect([...long].length).toBeLessThanOrEqual(120);
    expect(long).toMatch(/^~ belief \S+ {2}content \S{47}… → \S{30,}…$/);
    expect((await text([ids[1]!, ids[1]!])).stdout).toMatch(/^no difference\nmain #2 .*, 0 B read\n$/);
  });

  it('needs no home, but the master key', async () => {
    const from = vault.places.slice(0, 3).flatMap((place) => ['--from', place]);
    const nowhere = join(folder.path, 'no home');
    const words = ['backup', 'diff', ids[0]!, ids[1]!, ...from, '--home', nowhere, '--json'];
    const env = { VALENCE_PASSPHRASE: PASSPHRASE };
    const given = await runCli([...words, '--key-file', vault.masterKey], { env });
    expect(given.exit, given.stderr).toBe(0);
    expect(jsonLines(given.stdout)).toHaveLength(2);
    const without = await runCli(words, { env });
    expect({ exit: without.exit, stdout: without.stdout }).toEqual({ exit: 20, stdout: '' });
    expect(without.stderr).toContain('--key-file');
  });
});

describe('backup diff refuses', () => {
  const errorOf = ({ stderr }: CliResult): Record<string, unknown> => jsonLines(stderr)[0]!;

  it.for([
    ['an id of no snapshot', ['ffff0000ffff'], 2, 'usage/invalid'],
    ['a tier that is none', ['latest', '--tier', 'other'], 2, 'usage/invalid'],
    ['--all with --stat', ['latest', '--all', '--stat'], 2, 'usage/invalid'],
    ['no snapshot at all', [], 2, 'usage/invalid'],
  ] as const)('%s', async ([, words, exit, code]) => {
    const result = await onHome(vault, 'backup', 'diff', ...words);
    expect({ exit: result.exit, stdout: result.stdout, code: errorOf(result)['code'] }).toEqual({
      exit,
      stdout: '',
      code,
    });
  });

  it('a tier that is none, naming those that are, and the tier that has the snapshot', async () => {
    const copy = await copyVault(vault, join(folder.path, 'tiers'));
    const tier = ['--tier', 'fast', '--backends', 'd1,d2', '--copies', '2'];
    expect((await onHome(copy, 'backup', 'config', ...tier)).exit).toBe(0);
    const none = await onHome(copy, 'backup', 'diff', ids[0]!, '--tier', 'nope');
    expect(none.exit).toBe(2);
    expect(errorOf(none)).toMatchObject({ message: 'there is no tier nope', hint: 'the tiers are fast, main' });
    const elsewhere = await onHome(copy, 'backup', 'diff', ids[0]!.slice(0, 12), '--tier', 'fast');
    expect(elsewhere.exit).toBe(2);
    expect(errorOf(elsewhere)['message']).toBe(`snapshot ${ids[0]!.slice(0, 12)} is in tier main, not in tier fast`);
    expect((await onHome(copy, 'backup', 'diff', 'latest', '--tier', 'fast')).exit).toBe(30);
    const list = async (name: string): Promise<CliResult> => onHost(copy, 'backup', 'list', '--tier', name);
    expect(jsonLines((await list('main')).stdout).map(({ id }) => id)).toEqual(ids);
    expect(await list('fast')).toEqual({ exit: 0, stdout: '', stderr: '' });
    expect(errorOf(await list('mian'))).toMatchObject({ exit: 2, hint: 'did you mean main?' });
  });

  it('a host.key as a master key, by name', async () => {
    const result = await onHome(vault, 'backup', 'diff', ids[0]!, '--key-file', join(vault.home, 'host.key'));
    expect({ exit: result.exit, code: errorOf(result)['code'] }).toEqual({ exit: 11, code: 'key/wrong-key' });
    expect(errorOf(result)['message']).toContain('is a host.key, and the master key is needed');
  });

  it('the key of another vault, and no passphrase', async () => {
    const other = await otherMasterKey(join(folder.path, 'other.key'));
    const wrong = await onHome(vault, 'backup', 'diff', ids[0]!, '--key-file', other);
    expect({ exit: wrong.exit, code: errorOf(wrong)['code'] }).toEqual({ exit: 11, code: 'key/wrong-key' });
    const silent = await onHost(vault, 'backup', 'diff', ids[0]!);
    expect({ exit: silent.exit, code: errorOf(silent)['code'] }).toEqual({ exit: 10, code: 'key/passphrase' });
  });

  it('too few places, naming those that are needed', async () => {
    const from = vault.places.slice(0, 2).flatMap((place) => ['--from', place]);
    // A value that lies in every data shard: for less, two places may do.
    const result = await onHome(vault, 'backup', 'diff', ids[1]!, ids[2]!, ...from);
    expect({ exit: result.exit, code: errorOf(result)['code'] }).toEqual({
      exit: 41,
      code: 'integrity/too-few-shards',
    });
    expect(errorOf(result)['hint']).toMatch(/the missing shards were stored at .*d3/);
  });
});

/** The key of a vault that is not there. */
async function otherMasterKey(path: string): Promise<string> {
  await writeFile(path, await encodeMasterKey(createMasterSeed(systemRandom), PASSPHRASE, systemRandom));
  return path;
}

describe('a place that cannot be opened', () => {
  it('is warned of by diff, list, show and a dry run, which go on with the others', async () => {
    const gone = join(folder.path, 'gone');
    const from = [...vault.places.slice(0, 3), gone].flatMap((place) => ['--from', place]);
    const commands = [
      ['diff', ids[0]!, ids[1]!],
      ['list'],
      ['show', ids[0]!],
      ['restore', '--to', join(folder.path, 'never'), '--dry-run'],
    ];
    for (const words of commands) {
      const { exit, stdout, stderr } = await onHome(vault, 'backup', ...words, ...from);
      expect(exit, words[0]).toBe(0);
      expect(stdout).not.toBe('');
      expect(jsonLines(stderr), words[0]).toEqual([{ type: 'warning', message: expect.stringContaining(gone) }]);
    }
  });
});

describe('backup diff of a vault that was moved about', () => {
  it('finds shards that lie with other holders', async () => {
    const copy = await copyVault(vault, join(folder.path, 'moved'));
    const shards = copy.places.map((place) => join(place, 'shards'));
    for (const path of shards) await rename(path, `${path}.away`);
    for (const [i, path] of shards.entries()) await rename(`${path}.away`, shards[(i + 1) % shards.length]!);
    expect(await readdir(shards[0]!)).not.toEqual([]);
    const moved = await diff([ids[0]!, ids[2]!], copy);
    const expected = await diff([ids[0]!, ids[2]!]);
    expect(moved.rows).toEqual(expected.rows);
    expect(moved.rows).toHaveLength(2);
  });
});

describe('backup diff across generations', () => {
  it('compares row by row', async () => {
    const copy = await copyVault(vault, join(folder.path, 'generations'));
    await newGeneration(copy);
    const run = await onHome(copy, 'backup', 'run', '--tier', 'second');
    expect(run.exit, run.stderr).toBe(0);
    const [second] = jsonLines(run.stdout) as unknown as [{ id: string; root: string }];
    const { rows, summary } = await diff([ids[2]!, second.id], copy);
    const within = await diff([ids[2]!, ids[3]!]);
    expect(rows).toEqual(within.rows);
    expect(summary.tables).toEqual(within.summary.tables);
    expect(summary.after).toMatchObject({ tier: 'second', sequence: 1 });
    expect((await diff([ids[3]!, second.id], copy)).rows).toEqual([]);
  });
});

/** Gives a home a writer of a new generation of the same vault, and a tier without history. */
async function newGeneration({ home, masterKey, places }: VaultFolders): Promise<void> {
  const path = join(home, 'host.key');
  const { vaultId } = parseHostKey(await readFile(path));
  const owner = ownerIdentity(await openMasterKey(parseMasterKey(await readFile(masterKey)), PASSPHRASE));
  const context = openContext({ home });
  const secrets = createGenerationSecrets(systemRandom);
  const host = createWriter(context, owner, { vaultId, generation: systemRandom.bytes(16), secrets });
  await writeFile(path, encodeHostKey(host));
  const attached = await onHome({ home }, 'vault', 'attach', ...places.flatMap((place) => ['--from', place]));
  expect(attached.exit, attached.stderr).toBe(0);
  const tier = ['--tier', 'second', '--backends', 'd1,d2,d3,d4,d5', '--erasure', '3/5'];
  const configured = await onHome({ home }, 'backup', 'config', ...tier);
  expect(configured.exit, configured.stderr).toBe(0);
}

describe('the library', () => {
  it('stops reading with its reader', async () => {
    await using valence = openValence({ home: vault.home, env: { VALENCE_PASSPHRASE: PASSPHRASE } });
    for await (const event of valence.backup.diff({ before: ids[0]!, from: [], rows: 'all' })) {
      expect(event.type).toBe('difference');
      break;
    }
    expect((await Array.fromAsync(valence.backup.list({ from: [] }))).map(({ id }) => id)).toEqual(ids);
  });
});
