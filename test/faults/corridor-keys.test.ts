import { createHash } from 'node:crypto';
import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openDirectory } from '../../src/backends/directory/directory.ts';
import { DatabaseCatalog } from '../../src/catalog/database-catalog.ts';
import { toHex } from '../../src/core/bytes.ts';
import { systemClock } from '../../src/core/clock.ts';
import { uuidText } from '../../src/core/ids.ts';
import { parseHostKey } from '../../src/format/keys/host-key.ts';
import { openMasterKey, parseMasterKey } from '../../src/format/keys/master-key.ts';
import { openDatabase } from '../../src/schema/open-database.ts';
import { IndexMap, readSegment } from '../../src/vault/index-map.ts';
import { openKeyring } from '../../src/vault/keyring.ts';
import { openPlaces } from '../../src/vault/places.ts';
import { findSnapshots } from '../../src/vault/snapshots.ts';
import { jsonLines, runCli } from '../cli/run-cli.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';
import { buildVault, filesIn, KNOWN_TEXT, onHost, PASSPHRASE, restoreFrom } from '../support/vault-folders.ts';
import type { VaultFolders } from '../support/vault-folders.ts';

/** Who can read what, what never leaves the home, and formats of the future. */

let folder: TemporaryFolder;
let vault: VaultFolders;
const restored: (() => Promise<void>)[] = [];

beforeAll(async () => {
  folder = await temporaryFolder();
  vault = await buildVault(join(folder.path, 'vault'));
}, 120_000);

afterAll(() => folder[Symbol.asyncDispose]());

afterEach(async () => {
  for (const undo of restored.splice(0).reverse()) await undo();
});

async function plan(...more: string[]): Promise<{ exit: number; stdout: string; stderr: string }> {
  const to = join(folder.path, 'target');
  return restoreFrom({ from: vault.places, to, masterKey: vault.masterKey, more: ['--dry-run', ...more] });
}

async function put(path: string, bytes: Uint8Array | null): Promise<void> {
  const before = await readFile(path).catch(() => null);
  restored.push(() => (before === null ? rm(path, { force: true }) : writeFile(path, before)));
  if (bytes === null) await rm(path);
  else await writeFile(path, bytes);
}

describe('a newer format', () => {
  /** A `valence.json` as a later version may write it: the digest over its lines is right. */
  function vaultFile(text: string, from: string | RegExp, to: string): Buffer {
    const lines = text.slice(0, text.indexOf('  "digest"')).replace(from, to);
    return Buffer.from(`${lines}  "digest": "${createHash('sha256').update(lines).digest('hex')}"\n}\n`);
  }

  it.for([
    ['version', '"version": 1', '"version": 2'],
    ['required feature', '"requiredFeatures": []', '"requiredFeatures": ["time-travel"]'],
  ] as const)('of valence.json (%s): 46 in all places, and in one the others are enough', async ([, from, to]) => {
    for (const [i, place] of vault.places.entries()) {
      const path = join(place, 'valence.json');
      await put(path, vaultFile(await readFile(path, 'utf8'), from, to));
      if (i > 0) continue;
      const one = await plan();
      expect(one.exit, one.stderr).toBe(0);
    }
    for (const result of [
      await plan(),
      await onHost(vault, 'backup', 'run'),
      await onHost(vault, 'backup', 'list'),
      await onHost(vault, 'backup', 'verify'),
    ]) {
      expect({ exit: result.exit, stdout: result.stdout }).toEqual({ exit: 46, stdout: '' });
      expect(jsonLines(result.stderr)[0]).toMatchObject({
        code: 'format/newer',
        hint: expect.stringContaining('upgrade'),
      });
    }
  });

  it('of the key bundle: 46 for whoever brings the master key', async () => {
    for (const place of vault.places) {
      const [name] = await readdir(join(place, 'keys'));
      const path = join(place, 'keys', name!);
      const bytes = await readFile(path);
      await put(path, Buffer.concat([Buffer.from('valence/v2'), bytes.subarray(10)]));
    }
    const result = await plan();
    expect({ exit: result.exit, stdout: result.stdout }, result.stderr).toEqual({ exit: 46, stdout: '' });
  });

  it.for([
    ['version', (bytes: Buffer) => Buffer.concat([Buffer.from('valence/v2'), bytes.subarray(10)])],
    [
      'required feature',
      (bytes: Buffer) =>
        withHeader(bytes, (header) => header.replace('"requiredFeatures":[]', '"requiredFeatures":["time-travel"]')),
    ],
  ] as const)('of the newest manifest (%s): 46, and older snapshots can be named', async ([, change]) => {
    for (const place of vault.places) {
      const at = join(place, 'snapshots', 'main');
      const bytes = change(await readFile(join(at, (await readdir(at)).toSorted().at(-1)!)));
      await put(join(at, `0000000004-${createHash('sha256').update(bytes).digest('hex')}`), bytes);
    }
    const result = await plan();
    expect({ exit: result.exit, stdout: result.stdout }, result.stderr).toEqual({ exit: 46, stdout: '' });
    expect(jsonLines(result.stderr)[0]!['hint']).toContain(`--snapshot ${vault.snapshots[2]!.id.slice(0, 12)}`);
    const named = await plan('--snapshot', vault.snapshots[2]!.id);
    expect(named.exit, named.stderr).toBe(0);
    const run = await onHost(vault, 'backup', 'run');
    expect({ exit: run.exit, stdout: run.stdout }, run.stderr).toEqual({ exit: 46, stdout: '' });
  });
});

/** A manifest with another header; its signature is then wrong, which must not be what a reader says first. */
function withHeader(manifest: Buffer, change: (header: string) => string): Buffer {
  const start = manifest.indexOf('\n') + 1;
  const length = manifest.readUInt32BE(start);
  const header = Buffer.from(change(manifest.subarray(start + 4, start + 4 + length).toString()));
  const size = Buffer.alloc(4);
  size.writeUInt32BE(header.length);
  return Buffer.concat([manifest.subarray(0, start), size, header, manifest.subarray(start + 4 + length)]);
}

describe('a host without the master key', () => {
  it('backs up, lists, shows and verifies; it cannot restore', async () => {
    const away = join(folder.path, 'taken-away.key');
    await rename(vault.masterKey, away);
    restored.push(() => rename(away, vault.masterKey));
    const run = await onHost(vault, 'backup', 'run');
    expect(run.exit, run.stderr).toBe(0);
    const list = await onHost(vault, 'backup', 'list');
    expect(list.exit, list.stderr).toBe(0);
    expect((await onHost(vault, 'backup', 'verify', '--data')).exit).toBe(0);
    const fields = [
      'type',
      'id',
      'sequence',
      'tier',
      'createdAt',
      'root',
      'counts',
      'logicalBytes',
      'newBytes',
      'storedBytes',
      'survives',
      'degraded',
    ];
    const show = await onHost(vault, 'backup', 'show', vault.snapshots[1]!.id.slice(0, 10));
    for (const { stdout } of [run, list, show]) {
      expect(stdout.endsWith('\n')).toBe(true);
      for (const line of jsonLines(stdout)) expect(Object.keys(line).slice(0, fields.length)).toEqual(fields);
    }
    const listed = jsonLines(list.stdout);
    expect(listed.map(({ id }) => id)).toEqual([
      ...vault.snapshots.map(({ id }) => id),
      jsonLines(run.stdout)[0]!['id'],
    ]);
    // How it was read is known of a run only.
    const kept = vault.snapshots.map((snapshot) =>
      Object.fromEntries(Object.entries(snapshot).filter(([name]) => name !== 'scan')),
    );
    for (const [i, snapshot] of kept.entries()) expect(listed[i]).toEqual(snapshot);
    expect(jsonLines(show.stdout)[0]).toMatchObject({ ...kept[1]!, previous: vault.snapshots[0]!.id });
    const from = vault.places.flatMap((place) => ['--from', place]);
    const to = join(folder.path, 'target');
    const restore = await onHost(vault, 'backup', 'restore', ...from, '--to', to);
    expect({ exit: restore.exit, stdout: restore.stdout }).toEqual({ exit: 20, stdout: '' });
    expect(jsonLines(restore.stderr)[0]).toMatchObject({
      code: 'config/no-keys',
      hint: expect.stringContaining('--key-file'),
    });
    expect(await readdir(folder.path)).not.toContain('target');
  });

  it('and its catalog know no chunk that only an older snapshot holds', async () => {
    const key = parseHostKey(await readFile(join(vault.home, 'host.key')));
    const backends = await Promise.all(vault.places.map((root) => openDirectory({ root, name: 'd', mustExist: true })));
    const { places, vaultId } = await openPlaces(backends, null);
    const keyring = await openKeyring(places, vaultId, { kind: 'host', key });
    const { snapshots } = await findSnapshots(places, keyring, 'main');
    const live: Set<string>[] = [];
    for (const { manifest } of snapshots) {
      const index = new IndexMap();
      const names: string[] = [];
      for (const digest of manifest.header.index) {
        const { body } = await readSegment(places, keyring, digest);
        index.add(body);
        for (const { chunks } of [...body.stripes, ...body.inline])
          names.push(...chunks.map(({ name }) => toHex(name)));
      }
      live.push(new Set(names.filter((name) => index.isLive(Buffer.from(name, 'hex')))));
    }
    const newest = live.at(-1)!;
    const onlyOlder = [...live[0]!].filter((name) => !newest.has(name));
    expect(onlyOlder.length).toBeGreaterThan(0);
    await using database = await openDatabase({ folder: join(vault.home, 'database') });
    const known = new Set<string>();
    for await (const { name } of new DatabaseCatalog(database, uuidText(key.vaultId), systemClock).positions('main'))
      known.add(toHex(name));
    expect(onlyOlder.filter((name) => known.has(name))).toEqual([]);
    expect([...newest].toSorted()).toEqual([...known].toSorted());
  });
});

describe('secrets', () => {
  it('leave the home nowhere, and key files are for their owner alone', async () => {
    const env = { VALENCE_PASSPHRASE: PASSPHRASE, VALENCE_LOG: 'trace', VALENCE_DEBUG: '1' };
    const said: string[] = [];
    const from = vault.places.flatMap((place) => ['--from', place]);
    const to = join(folder.path, 'session');
    for (const argv of [
      ['backup', 'run'],
      ['backup', 'list'],
      ['backup', 'verify', '--data'],
      ['backup', 'config'],
      ['doctor'],
      ['backup', 'run', '--tier', 'none'],
      ['keys', 'init'],
      ['backup', 'restore', ...from, '--to', to],
      ['backup', 'restore', ...from, '--to', join(vault.home, 'valence.yaml')],
      ['vault', 'attach', ...from],
    ]) {
      const form = said.length % 4 === 0 ? ['--json'] : [];
      const { stdout, stderr } = await runCli([...argv, ...form, '--home', vault.home], { env });
      said.push(stdout, stderr);
    }
    const wrong = await restoreFrom({
      from: vault.places,
      to,
      masterKey: vault.masterKey,
      passphrase: `${PASSPHRASE}!`,
    });
    expect(wrong.exit).toBe(10);
    said.push(wrong.stdout, wrong.stderr);
    const files = [...vault.places.map((place) => [place, '']), [vault.home, 'valence.yaml'], [to, 'valence.yaml']];
    const seen = [Buffer.from(said.join('\n'))];
    for (const [root, only] of files) {
      const names = only === '' ? await filesIn(root!) : [only!];
      for (const name of names) seen.push(await readFile(join(root!, name)), Buffer.from(name));
    }
    for (const [what, secret] of await secretsOf(vault)) {
      const forms = [
        secret,
        Buffer.from(secret.toString('hex')),
        Buffer.from(secret.toString('base64').replace(/=+$/, '')),
      ];
      for (const form of forms)
        expect(
          seen.some((bytes) => bytes.includes(form)),
          what,
        ).toBe(false);
    }
    expect(await readdir(vault.home)).not.toContain('spool');
    for (const name of ['host.key', 'master.key'])
      expect((await stat(join(vault.home, name))).mode & 0o777, name).toBe(0o600);
    expect((await stat(to)).mode & 0o777).toBe(0o700);
  });
});

async function secretsOf({ home, masterKey }: VaultFolders): Promise<(readonly [string, Buffer])[]> {
  const key = parseHostKey(await readFile(join(home, 'host.key')));
  const seed = await openMasterKey(parseMasterKey(await readFile(masterKey)), PASSPHRASE);
  const secrets = { ...key.secrets, ...key.signingKey, seed };
  return [
    ['passphrase', Buffer.from(PASSPHRASE)],
    ['wrong passphrase', Buffer.from(`${PASSPHRASE}!`)],
    ['belief', Buffer.from(KNOWN_TEXT)],
    ...Object.entries(secrets).map(([name, bytes]) => [name, Buffer.from(bytes)] as const),
  ];
}
