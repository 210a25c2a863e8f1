import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openDirectory } from '../../src/backends/directory/directory.ts';
import { toHex } from '../../src/core/bytes.ts';
import { openMasterKey, parseMasterKey } from '../../src/format/keys/master-key.ts';
import { ownerIdentity } from '../../src/format/keys/owner.ts';
import type { OwnerIdentity } from '../../src/format/keys/owner.ts';
import { layoutNamed } from '../../src/format/tables.ts';
import { planRestore } from '../../src/pipeline/restore.ts';
import { ContentIds } from '../../src/format/tree/content-id.ts';
import { openKeyring } from '../../src/vault/keyring.ts';
import { openPlaces } from '../../src/vault/places.ts';
import { findSnapshots } from '../../src/vault/snapshots.ts';
import { ChunkReader } from '../../src/vault/chunk-reader.ts';
import { PackSource } from '../../src/vault/sealed-source.ts';
import { StripeReader } from '../../src/vault/stripe-reader.ts';
import { layoutOf, TreeReader } from '../../src/vault/tree-reader.ts';
import { jsonLines, runCli } from '../cli/run-cli.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';
import { buildVault, copyVault, filesIn, PASSPHRASE, restoreFrom } from '../support/vault-folders.ts';
import type { VaultFolders } from '../support/vault-folders.ts';

/** Every kind of stored object, damaged in every way, in one place and in all of them. */

interface Finding {
  readonly kind: string;
  readonly severity: string;
  readonly location: string;
  readonly object: string | null;
}

let folder: TemporaryFolder;
let vault: VaultFolders;
/** Another vault, whose objects may be mixed in. */
let other: VaultFolders;
let owner: OwnerIdentity;
/** Digest of all rows, by snapshot. */
const rows = new Map<string, string>();
/** What each changed file was; null where there was none. */
const before = new Map<string, Uint8Array | null>();

beforeAll(async () => {
  folder = await temporaryFolder();
  vault = await buildVault(join(folder.path, 'vault'));
  other = await buildVault(join(folder.path, 'other'));
  owner = ownerIdentity(await openMasterKey(parseMasterKey(await readFile(vault.masterKey)), PASSPHRASE));
  for (const { id } of vault.snapshots) rows.set(id, (await readRows(id)).digest);
}, 120_000);

afterAll(() => folder[Symbol.asyncDispose]());

afterEach(async () => {
  for (const [path, bytes] of before) {
    if (bytes === null) await rm(path, { force: true });
    else await writeFile(path, bytes);
  }
  before.clear();
});

/** Changes a file, or removes it (null), until the end of the test. */
async function change(path: string, bytes: Uint8Array | null): Promise<void> {
  if (!before.has(path)) before.set(path, await readFile(path).catch(() => null));
  await mkdir(dirname(path), { recursive: true });
  if (bytes === null) await rm(path);
  else await writeFile(path, bytes);
}

/** Reads every row of a snapshot from the places, as a restore does, without a database. */
async function readRows(id: string | null): Promise<{ id: string; digest: string }> {
  const backends = await Promise.all(vault.places.map((root) => openDirectory({ root, name: 'd', mustExist: true })));
  const { places, vaultId } = await openPlaces(backends, null);
  const keyring = await openKeyring(places, vaultId, { kind: 'owner', identity: owner });
  const { snapshots } = await findSnapshots(places, keyring, 'main');
  const snapshot = id === null ? snapshots.at(-1)! : snapshots.find(({ manifest }) => toHex(manifest.digest) === id)!;
  const plan = await planRestore({ places, keyring, snapshot });
  if (plan.loss !== null) throw plan.loss;
  const stripes = new StripeReader(places, plan.secrets.maskKey, { presence: plan.presence });
  const reader = new TreeReader(
    new ChunkReader(new PackSource(plan.index, stripes), new ContentIds(plan.secrets.contentIdKey)),
  );
  const hash = createHash('sha256');
  for (const tree of plan.body.trees) {
    expect(layoutNamed(layoutOf(tree).name)).toBeDefined();
    for await (const piece of reader.copy(tree)) hash.update(piece);
  }
  return { id: toHex(snapshot.manifest.digest), digest: hash.digest('hex') };
}

async function expectRightRows(): Promise<void> {
  expect(new Set(rows.values()).size, 'each snapshot says something else').toBe(3);
  const newest = vault.snapshots[2]!.id;
  expect(await readRows(null)).toEqual({ id: newest, digest: rows.get(newest) });
}

/** `backup verify` with host.key alone; no database, so that it is quick and must do without. */
async function verify(
  data: boolean,
): Promise<{ exit: number; status: string; restorable: boolean; findings: Finding[] }> {
  const argv = ['backup', 'verify', ...(data ? ['--data'] : []), '--home', vault.home, '--json'];
  const { exit, stdout, stderr } = await runCli(argv, { env: { DATABASE_URL: 'postgres://127.0.0.1:1/none' } });
  expect(stderr).toBe('');
  const [report] = jsonLines(stdout) as unknown as [{ status: string; restorable: boolean; findings: Finding[] }];
  return { exit, ...report };
}

function locate(path: string): { location: string; object: string } {
  const place = vault.places.find((root) => path.startsWith(`${root}/`))!;
  return { location: place, object: path.slice(place.length + 1) };
}

/** `backup restore` of the newest snapshot, which must fail, at the latest while it reads, and leave nothing. */
async function refusedRestore(): Promise<{ exit: number; stderr: string }> {
  const to = join(folder.path, 'target');
  const { exit, stdout, stderr } = await restoreFrom({ from: vault.places, to, masterKey: vault.masterKey });
  expect(jsonLines(stdout).filter(({ type }) => type !== 'plan')).toEqual([]);
  expect((await readdir(folder.path)).toSorted(), 'what the restore left').toEqual(['other', 'vault']);
  return { exit, stderr };
}

const KINDS = ['valence.json', 'keys', 'index', 'snapshots', 'shards'] as const;
type Kind = (typeof KINDS)[number];

/** The objects of a kind that the newest snapshot needs, newest last. */
async function objectsOf(place: string, kind: Kind): Promise<string[]> {
  const names = (await filesIn(place)).filter((name) => name === kind || name.startsWith(`${kind}/`));
  if (kind !== 'index' && kind !== 'shards') return names.map((name) => join(place, name));
  const times = await Promise.all(names.map(async (name) => ({ name, index: await orderOf(kind, name) })));
  return times.toSorted((a, b) => a.index - b.index).map(({ name }) => join(place, name));
}

/** What only older snapshots name, then segments as the newest manifest names them, and shards by their stripes. */
async function orderOf(kind: 'index' | 'shards', name: string): Promise<number> {
  order ??= await readOrder();
  const found = order[kind].indexOf(name);
  expect(found, name).toBeGreaterThanOrEqual(0);
  return found;
}

let order: { index: string[]; shards: string[] } | undefined;

async function readOrder(): Promise<{ index: string[]; shards: string[] }> {
  const backends = await Promise.all(vault.places.map((root) => openDirectory({ root, name: 'd', mustExist: true })));
  const { places, vaultId } = await openPlaces(backends, null);
  const keyring = await openKeyring(places, vaultId, { kind: 'owner', identity: owner });
  const { snapshots } = await findSnapshots(places, keyring, 'main');
  const [index, shards] = [new Set<string>(), new Set<string>()];
  for (const snapshot of snapshots) {
    const plan = await planRestore({ places, keyring, snapshot });
    moveToEnd(
      index,
      snapshot.manifest.header.index.map((digest) => `index/${toHex(digest)}`),
    );
    const names = plan.index.stripes.flatMap((stripe) => stripe.shards.map((shard) => toHex(shard.name)));
    moveToEnd(
      shards,
      names.map((name) => `shards/${name.slice(0, 2)}/${name}`),
    );
  }
  return { index: [...index], shards: [...shards] };
}

function moveToEnd(names: Set<string>, newest: readonly string[]): void {
  for (const name of newest) {
    names.delete(name);
    names.add(name);
  }
}

type Damage = (bytes: Buffer, path: string, kind: Kind) => Promise<Buffer | null> | Buffer | null;

const DAMAGES: Readonly<Record<string, Damage>> = {
  truncated: (bytes) => bytes.subarray(0, bytes.length >> 1),
  'cut by one byte': (bytes) => bytes.subarray(0, -1),
  extended: (bytes) => Buffer.concat([bytes, Buffer.alloc(1)]),
  emptied: () => Buffer.alloc(0),
  'flipped in one bit': (bytes) => flip(bytes, bytes.length * 4 + 3),
  removed: () => null,
  'exchanged for an older one': async (_bytes, path, kind) =>
    readFile((await objectsOf(locate(path).location, kind === 'valence.json' || kind === 'keys' ? 'index' : kind))[0]!),
  'exchanged for that of another vault': async (_bytes, _path, kind) => {
    if (kind === 'valence.json')
      return readFile(
        join(other.places[0]!, 'snapshots', 'main', (await filesIn(join(other.places[0]!, 'snapshots', 'main')))[0]!),
      );
    return readFile(
      join(
        other.places[0]!,
        (await filesIn(other.places[0]!)).find((name) => name.startsWith(kind))!,
      ),
    );
  },
};

function flip(bytes: Uint8Array, bit: number): Buffer {
  const flipped = Buffer.from(bytes);
  flipped[bit >> 3]! ^= 1 << (bit & 7);
  return flipped;
}

describe.each(KINDS)('%s', (kind) => {
  const newest = async (place: string): Promise<string> => (await objectsOf(place, kind)).at(-1)!;

  it.for(Object.keys(DAMAGES))('%s in one place: restored all the same, and verify names it', async (how) => {
    const path = await newest(vault.places[1]!);
    await change(path, await DAMAGES[how]!(await readFile(path), path, kind));
    await expectRightRows();
    const { exit, status, restorable, findings } = await verify(true);
    expect(findings).toContainEqual(expect.objectContaining(locate(path)));
    expect({ exit, status, restorable }).toEqual({ exit: 3, status: 'damaged', restorable: true });
    expect(new Set(findings.filter(({ severity }) => severity !== 'info').map(({ location }) => location))).toEqual(
      new Set([vault.places[1]]),
    );
    if (how === 'flipped in one bit') return;
    const structure = await verify(false);
    // What is padded to the same size shows only when it is read.
    if (how.startsWith('exchanged')) return;
    expect(structure.findings, 'without reading every byte').toContainEqual(expect.objectContaining(locate(path)));
    expect(structure.exit).toBe(3);
  });

  const codes: Readonly<Record<Kind, { changed: number | null; removed: number | null; verify: number }>> = {
    'valence.json': { changed: null, removed: null, verify: 3 },
    keys: { changed: 41, removed: 41, verify: 3 },
    index: { changed: 40, removed: 41, verify: 41 },
    snapshots: { changed: 40, removed: null, verify: 41 },
    shards: { changed: 41, removed: 41, verify: 41 },
  };

  // Manifests that are gone are a matter of the chain: corridor-history.test.ts.
  const everywhere = Object.keys(DAMAGES).filter((how) => kind !== 'snapshots' || how !== 'removed');

  it.for(everywhere)('%s in every place: its own error, and never other rows', async (how) => {
    const paths: string[] = [];
    for (const place of vault.places) {
      const all = await objectsOf(place, kind);
      // A stripe survives as long as three of its shards do, so all that are there are damaged.
      paths.push(...(kind === 'shards' ? all : [all.at(-1)!]));
    }
    const originals = await Promise.all(paths.map((path) => readFile(path)));
    const damaged: (Uint8Array | null)[] = [];
    for (const [i, path] of paths.entries()) {
      const bytes = await DAMAGES[how]!(originals[i]!, path, kind);
      damaged.push(bytes?.equals(originals[i]!) === true ? Buffer.alloc(1) : bytes);
    }
    for (const [i, path] of paths.entries()) await change(path, damaged[i]!);
    const expected = how === 'removed' ? codes[kind].removed : codes[kind].changed;
    const report = await verify(true);
    for (const path of paths) expect(report.findings).toContainEqual(expect.objectContaining(locate(path)));
    expect(report.exit).toBe(codes[kind].verify);
    if (expected === null) {
      await expectRightRows();
      return;
    }
    const { exit, stderr } = await refusedRestore();
    expect(exit, stderr).toBe(expected);
  });
});

describe('objects that exchange their contents', () => {
  it.for(['index', 'snapshots', 'shards'] as const)('two %s in one place', async (kind) => {
    const [first, second] = (await objectsOf(vault.places[3]!, kind)) as [string, string];
    const [a, b] = [await readFile(first), await readFile(second)];
    await change(first, b);
    await change(second, a);
    await expectRightRows();
    const { exit, findings } = await verify(true);
    for (const path of [first, second]) expect(findings).toContainEqual(expect.objectContaining(locate(path)));
    expect(exit).toBe(3);
  });

  it('valence.json of all places: every shard is found with another holder', async () => {
    const paths = vault.places.map((place) => join(place, 'valence.json'));
    const bytes = await Promise.all(paths.map((path) => readFile(path)));
    for (const [i, path] of paths.entries()) await change(path, bytes[(i + 1) % paths.length]!);
    await expectRightRows();
    const { exit, status, restorable, findings } = await verify(true);
    expect({ exit, status, restorable }).toEqual({ exit: 3, status: 'damaged', restorable: true });
    expect(new Set(findings.map(({ kind }) => kind))).toEqual(new Set(['shard-missing', 'shard-misplaced']));
  });
});

describe('objects that were added', () => {
  const junk = Buffer.from('not one of ours');
  const hex = 'ab'.repeat(32);

  async function strange(name: string): Promise<readonly [string, Uint8Array]> {
    const file = (await filesIn(other.places[0]!)).find((candidate) => candidate.startsWith(name))!;
    return [file, await readFile(join(other.places[0]!, file))];
  }

  const ADDED: Readonly<Record<string, () => Promise<readonly [string, Uint8Array]>>> = {
    'junk as a bundle': async () => [`keys/${hex.slice(0, 32)}-${hex.slice(0, 32)}-${hex.slice(0, 16)}`, junk],
    'the bundle of another vault': () => strange('keys/'),
    'junk as a segment': async () => [`index/${hex}`, junk],
    'junk as a shard': async () => [`shards/ab/${hex}`, junk],
    'junk with the name of its bytes as the newest snapshot': async () => [
      `snapshots/main/0000000009-${createHash('sha256').update(junk).digest('hex')}`,
      junk,
    ],
    'the snapshot of another vault as the newest': async () => {
      const [name, bytes] = await strange('snapshots/');
      return [name.replace(/\d{10}/, '0000000009'), bytes];
    },
    'an older snapshot as the newest': async () => {
      const [oldest] = await objectsOf(vault.places[0]!, 'snapshots');
      return [locate(oldest!).object.replace(/\d{10}/, '0000000009'), await readFile(oldest!)];
    },
    'a snapshot of a tier that there is not': async () => [
      `snapshots/nightly/0000000001-${createHash('sha256').update(junk).digest('hex')}`,
      junk,
    ],
    'an object of no kind': async () => ['shards/notes.txt', junk],
  };

  it.for(Object.keys(ADDED))('%s', async (what) => {
    const [name, bytes] = await ADDED[what]!();
    const path = join(vault.places[2]!, name);
    await change(path, bytes);
    await expectRightRows();
    const { exit, restorable, findings } = await verify(true);
    expect(findings).toContainEqual(expect.objectContaining(locate(path)));
    expect({ exit, restorable }).toEqual({ exit: 3, restorable: true });
    const plan = await restoreFrom({
      from: vault.places,
      to: join(folder.path, 'target'),
      masterKey: vault.masterKey,
      more: ['--dry-run'],
    });
    expect(plan.exit, plan.stderr).toBe(0);
    expect(jsonLines(plan.stdout)[0]).toMatchObject({
      snapshot: { sequence: 3, id: vault.snapshots[2]!.id },
      restorable: true,
    });
  });

  it('a shard and a segment of another vault are reported, and no reason to worry', async () => {
    for (const kind of ['shards/', 'index/']) {
      const [name, bytes] = await strange(kind);
      await change(join(vault.places[2]!, name), bytes);
    }
    await expectRightRows();
    const { exit, findings } = await verify(true);
    expect(findings.map(({ kind, severity, location }) => ({ kind, severity, location }))).toEqual(
      [1, 2].map(() => ({ kind: 'unexpected-object', severity: 'info', location: vault.places[2] })),
    );
    expect(exit).toBe(0);
  });

  it('a run passes over what is nobody’s snapshot, and says so', async () => {
    const copy = await copyVault(vault, join(folder.path, 'with-junk'));
    const name = `snapshots/main/0000000009-${createHash('sha256').update(junk).digest('hex')}`;
    await writeFile(join(copy.places[4]!, name), junk);
    const { exit, stdout } = await runCli(['backup', 'run', '--home', copy.home, '--json']);
    expect(exit).toBe(0);
    expect(jsonLines(stdout)[0]).toMatchObject({ sequence: 4, survives: 2, notes: [expect.stringContaining(name)] });
    await rm(copy.root, { recursive: true });
  });
});

it('finds any one flipped bit of any object of a place', async () => {
  const random = generator(20_260_131);
  for (const name of await filesIn(vault.places[0]!)) {
    const path = join(vault.places[0]!, name);
    const bytes = await readFile(path);
    for (let i = 0; i < 2; i += 1) {
      const bit = Math.floor(random() * bytes.length * 8);
      await change(path, flip(bytes, bit));
      const { exit, restorable, findings } = await verify(true);
      expect(findings, `bit ${bit} of ${name}`).toContainEqual(expect.objectContaining(locate(path)));
      expect({ exit, restorable }).toEqual({ exit: 3, restorable: true });
      await expectRightRows();
    }
    await change(path, bytes);
  }
  expect((await verify(true)).exit).toBe(0);
});

/** Numbers from 0 to 1 that only look random (mulberry32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
