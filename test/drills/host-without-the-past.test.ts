import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../../src/backends/backend.ts';
import { openDirectory } from '../../src/backends/directory/directory.ts';
import { JournalFolder } from '../../src/catalog/upload-journal.ts';
import { toHex } from '../../src/core/bytes.ts';
import { MANIFEST_BYTES_MAX } from '../../src/core/limits.ts';
import type { Random } from '../../src/core/random.ts';
import { systemRandom } from '../../src/core/random.ts';
import { parseBundle } from '../../src/format/keys/bundle.ts';
import { domainTag } from '../../src/format/keys/derive.ts';
import { parseEnvelope } from '../../src/format/keys/envelope.ts';
import type { HostKey } from '../../src/format/keys/host-key.ts';
import { parseHostKey } from '../../src/format/keys/host-key.ts';
import { openMasterKey, parseMasterKey } from '../../src/format/keys/master-key.ts';
import { ownerIdentity } from '../../src/format/keys/owner.ts';
import { parseManifest } from '../../src/format/snapshot/manifest.ts';
import { openValence } from '../../src/index.ts';
import type { SnapshotRecord, Valence } from '../../src/index.ts';
import { decodeUploadedPack } from '../../src/pipeline/uploaded-packs.ts';
import { openDatabase } from '../../src/schema/open-database.ts';
import { openKeyring } from '../../src/vault/keyring.ts';
import { openPlaces } from '../../src/vault/places.ts';
import type { Place } from '../../src/vault/places.ts';
import { findSnapshots } from '../../src/vault/snapshots.ts';
import type { Snapshot } from '../../src/vault/snapshots.ts';
import { StripeReader } from '../../src/vault/stripe-reader.ts';
import { jsonLines } from '../cli/run-cli.ts';
import { referencesOf } from '../support/snapshot-references.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';
import { addChunks, findInFiles, keysInFiles, keysInTables, opened, sealedChunks } from '../support/thief.ts';
import {
  beliefNumber,
  buildVault,
  importLines,
  KNOWN_TEXT,
  longText,
  onHost,
  PASSPHRASE,
  restoreFrom,
} from '../support/vault-folders.ts';
import type { VaultFolders } from '../support/vault-folders.ts';

/**
 * A host from which master.key was taken away goes on backing up. A thief takes its home, and reaches every place: what
 * opens is what the database and the newest snapshot of each tier hold. DESIGN D7, SECURITY.md.
 */

const GONE = 'the otter left the weir before the thaw';
const GONE_LARGE = longText('gone and large', 300_000);
const OLD_TITLE = 'notes by the heron warden';
const NEW_TITLE = 'notes by nobody in particular';
const UNFINISHED = longText('taken back after a run that failed', 300_000);
const FINISHED = longText('kept after a run that failed', 300_000);

let folder: TemporaryFolder;
let vault: VaultFolders;
let masterKey: string;
let hostKey: HostKey;
let places: readonly Place[];
/** What the thief takes while a run has failed and none was committed since. */
let between: Stolen;
/** What the thief takes after the next one. */
let after: Stolen;
let owner: Owned;
/** How the run ended that failed. */
let failure: unknown;

interface Stolen {
  readonly keys: ReadonlySet<string>;
  /** By name. */
  readonly sealed: ReadonlyMap<string, Uint8Array>;
}

beforeAll(async () => {
  folder = await temporaryFolder();
  vault = await buildVault(join(folder.path, 'vault'), ['main', 'monthly']);
  await mkdir(join(folder.path, 'safe'));
  masterKey = join(folder.path, 'safe', 'master.key');
  await rename(vault.masterKey, masterKey);
  hostKey = parseHostKey(await readFile(join(vault.home, 'host.key')));
  places = await openPlacesOf(vault);

  await onThisHost(async (valence) => {
    const provenance = { source_type: 'diary', source_id: '7' };
    await importLines(valence, [
      { id: beliefNumber(501), content: GONE, provenance },
      { id: beliefNumber(502), content: GONE_LARGE },
    ]);
    await backUp(valence);
  });
  await inDatabase([`UPDATE valence.sources SET title = '${OLD_TITLE}' WHERE external_id = '7'`]);
  await onThisHost(backUp);
  await inDatabase([
    `DELETE FROM valence.beliefs WHERE id IN ('${beliefNumber(501)}', '${beliefNumber(502)}')`,
    `UPDATE valence.sources SET title = '${NEW_TITLE}' WHERE external_id = '7'`,
  ]);
  await onThisHost(async (valence) => {
    await backUp(valence);
    await importLines(valence, [
      { id: beliefNumber(503), content: UNFINISHED },
      { id: beliefNumber(504), content: FINISHED },
    ]);
  });
  failure = await onThisHost(backUp, failingOnceNoted).catch((error: unknown) => error);
  between = await stolenNow();
  await inDatabase([`DELETE FROM valence.beliefs WHERE id = '${beliefNumber(503)}'`]);
  await onThisHost(backUp);
  after = await stolenNow();
  owner = await owned();
}, 300_000);

afterAll(() => folder[Symbol.asyncDispose]());

async function onThisHost<T>(work: (valence: Valence) => Promise<T>, random?: Random): Promise<T> {
  await using valence = openValence({ home: vault.home, env: {}, random });
  return await work(valence);
}

/** The tier `main` alone, with what changed since its last snapshot. */
async function backUp(valence: Valence): Promise<SnapshotRecord> {
  const [record] = await Array.fromAsync(valence.backup.run({ tier: 'main' }));
  expect(record).toMatchObject({ tier: 'main', scan: 'changes', degraded: false });
  return record!;
}

async function inDatabase(statements: readonly string[]): Promise<void> {
  await using database = await openDatabase({ folder: join(vault.home, 'database') });
  for (const statement of statements) await database.execute(statement);
}

/** Ends a run between its last shard and its first index segment. */
const failingOnceNoted: Random = {
  bytes: (count) => {
    const journal = join(vault.home, 'journal');
    if (existsSync(journal) && readdirSync(journal).length > 0) throw new Error('the power went');
    return systemRandom.bytes(count);
  },
};

async function openPlacesOf({ places: roots }: VaultFolders): Promise<readonly Place[]> {
  const backends: Backend[] = [];
  for (const root of roots) backends.push(await openDirectory({ root, name: 'd', mustExist: true }));
  return (await openPlaces(backends, null)).places;
}

async function keysOf(home: string): Promise<Set<string>> {
  await using database = await openDatabase({ folder: join(home, 'database') });
  return new Set([...(await keysInTables(database)), ...(await keysInFiles(home))]);
}

/** Keys of the home, and every sealed chunk that it helps to find, those that the journal speaks of included. */
async function stolenNow(): Promise<Stolen> {
  const sealed = await sealedChunks(places, hostKey);
  const stripes = new StripeReader(places, hostKey.secrets.maskKey);
  const { vaultId, generation } = hostKey;
  await using journal = new JournalFolder({ folder: join(vault.home, 'journal'), vaultId, generation });
  for (const entry of await journal.read('main')) {
    const { stripe } = decodeUploadedPack(entry.subarray(32));
    addChunks(sealed, await stripes.read(stripe), stripe.chunks);
  }
  return { keys: await keysOf(vault.home), sealed };
}

interface Owned {
  /** Key by name of each chunk, a map a snapshot, oldest first. */
  readonly main: readonly ReadonlyMap<string, Uint8Array>[];
  readonly monthly: readonly ReadonlyMap<string, Uint8Array>[];
  /** The same of the newest of each tier together, and of what older ones alone hold. */
  readonly present: ReadonlyMap<string, Uint8Array>;
  readonly past: ReadonlyMap<string, Uint8Array>;
  /** Index segments of older snapshots in `main` that the newest names no longer. */
  readonly folded: number;
  readonly masterSeed: Uint8Array;
  readonly xWingSeed: Uint8Array;
}

/** What the owner knows, with the master key from its safe. */
async function owned(): Promise<Owned> {
  const masterSeed = await openMasterKey(parseMasterKey(await readFile(masterKey)), PASSPHRASE);
  const identity = ownerIdentity(masterSeed);
  const keyring = await openKeyring(places, null, { kind: 'owner', identity });
  const { snapshots } = await findSnapshots(places, keyring, null);
  const ofTier = (tier: string): Snapshot[] => snapshots.filter(({ manifest }) => manifest.header.tier === tier);
  const references = (tier: string): Promise<Map<string, Uint8Array>[]> =>
    Promise.all(ofTier(tier).map((snapshot) => referencesOf(snapshot, places, keyring)));
  const [main, monthly] = [await references('main'), await references('monthly')];
  const present = new Map([...main.at(-1)!, ...monthly.at(-1)!]);
  const past = new Map([...main, ...monthly].flatMap((keys) => [...keys].filter(([name]) => !present.has(name))));
  const listed = new Set(ofTier('main').at(-1)!.manifest.header.index.map(toHex));
  const before = new Set(ofTier('main').flatMap(({ manifest }) => manifest.header.index.map(toHex)));
  const folded = [...before].filter((digest) => !listed.has(digest)).length;
  return { main, monthly, present, past, folded, masterSeed, xWingSeed: identity.xWing.seed };
}

function textOf(chunks: ReadonlyMap<string, Uint8Array>): string {
  return [...chunks.values()].map((chunk) => Buffer.from(chunk).toString('latin1')).join('\n');
}

function rawKeys(references: ReadonlyMap<string, Uint8Array>): string[] {
  return [...references.values()].map((key) => Buffer.from(key).toString('latin1'));
}

/** A stretch in the middle of a long text, which lies in one piece. */
function middle(text: string): string {
  return text.slice(1000, 1060);
}

describe('the home of a host without master.key', () => {
  it('opens the newest snapshot of each tier and nothing else, with all its keys tried on all sealed chunks', () => {
    const { main, monthly, present, past, folded } = owner;
    expect([main.length, monthly.length]).toEqual([7, 3]);
    expect(past.size).toBeGreaterThan(20);
    expect(folded).toBeGreaterThan(0);
    const named = [...present.keys(), ...past.keys()];
    expect(
      named.filter((name) => !after.sealed.has(name)),
      'sealed chunks that the thief cannot get',
    ).toEqual([]);

    const found = opened(after.keys, new Map([...between.sealed, ...after.sealed]));
    expect([...found.keys()].toSorted()).toEqual([...present.keys()].toSorted());
    const text = textOf(found);
    for (const said of [KNOWN_TEXT, NEW_TITLE, middle(FINISHED)]) expect(text).toContain(said);
    for (const said of [GONE, middle(GONE_LARGE), OLD_TITLE, middle(UNFINISHED)]) expect(text).not.toContain(said);
    const pastText = textOf(opened(rawKeys(past), after.sealed));
    for (const said of [GONE, middle(GONE_LARGE), OLD_TITLE]) expect(pastText).toContain(said);
  });

  it('opens what a run stored that failed until the next one is committed, and no longer', async () => {
    expect(failure).toMatchObject({ message: 'the power went' });
    const unfinished = opened(between.keys, between.sealed);
    expect(textOf(unfinished)).toContain(middle(UNFINISHED));
    expect(textOf(unfinished)).not.toContain(GONE);
    const [before, newest] = [owner.main.at(-2)!, owner.main.at(-1)!];
    const adopted = [...newest.keys()].filter((name) => !before.has(name) && unfinished.has(name));
    expect(adopted.length, 'what the next run took over of it').toBeGreaterThan(0);
    expect(await readdir(join(vault.home, 'journal'))).toEqual([]);
  });

  it('opens the summary of every manifest, the body of none, and no bundle', async () => {
    const keyring = await openKeyring(places, null, { kind: 'host', key: hostKey });
    const { snapshots } = await findSnapshots(places, keyring, null);
    expect(snapshots.map(({ summary }) => summary.counts['beliefs'])).toContain(152);
    const names = [...(await namesIn('keys/')), ...(await namesIn('snapshots/'))];
    expect(names.length).toBe(1 + 7 + 3);
    const commitments = new Set<string>();
    for (const name of names) commitments.add(toHex(await commitmentOf(name)));
    const tag = domainTag('envelope commitment');
    const committedTo = (key: string): boolean =>
      commitments.has(createHash('sha256').update(tag).update(key, 'latin1').digest('hex'));
    expect([...between.keys, ...after.keys].filter(committedTo)).toEqual([]);
    expect(await findInFiles(vault.home, [owner.masterSeed, owner.xWingSeed])).toEqual([]);
  });

  it('has keys of chunks in its database alone, whose files forget more slowly than its tables', async () => {
    const present = await findInFiles(vault.home, [...owner.present.values()]);
    const past = await findInFiles(vault.home, [...owner.past.values()]);
    expect([...present, ...past].filter((line) => !line.startsWith('database/'))).toEqual([]);
    expect(present.length).toBeGreaterThanOrEqual(owner.present.size);
    expect(past.length, 'what SECURITY.md says of rows that were deleted').toBeGreaterThan(0);
  });

  it('holds no key of the past in any byte once its tables are rewritten and its write-ahead log is gone', async () => {
    await inDatabase(['VACUUM FULL valence_catalog.chunks', 'VACUUM FULL valence_catalog.heads']);
    await inDatabase(['SET wal_recycle = off', 'SELECT pg_switch_wal()', 'CHECKPOINT']);
    expect(await findInFiles(vault.home, [...owner.past.values()])).toEqual([]);
  });

  it('backs up what changed, and what it stored is restored with the master key into a home without a past', async () => {
    await onThisHost((valence) => valence.belief.set(beliefNumber(5), { confidence: 0.625 }));
    const [record] = jsonLines((await onHost(vault, 'backup', 'run', '--tier', 'main')).stdout);
    expect(record).toMatchObject({ sequence: 8, scan: 'changes', survives: 2 });
    expect(record!['newBytes']).toBeLessThan(20_000);
    const to = join(folder.path, 'restored');
    const restored = await restoreFrom({
      from: vault.places,
      to,
      masterKey,
      more: ['--snapshot', String(record!['id'])],
    });
    expect(restored).toMatchObject({ exit: 0, stderr: '' });
    const [digest] = jsonLines((await onHost(vault, 'digest')).stdout);
    const [digestThere] = jsonLines((await onHost({ home: to }, 'digest')).stdout);
    expect(digestThere!['digest']).toBe(digest!['digest']);
    const said = [GONE, OLD_TITLE].map((text) => Buffer.from(text));
    expect(await findInFiles(to, [...owner.past.values(), ...said])).toEqual([]);
  }, 120_000);
});

async function namesIn(prefix: string): Promise<string[]> {
  const listed = await Array.fromAsync(places[0]!.backend.list(prefix));
  return listed.map(({ name }) => name);
}

/** What the envelope in a bundle or a manifest says of the key of its body. */
async function commitmentOf(name: string): Promise<Uint8Array> {
  const bytes = await places[0]!.backend.get(name);
  if (name.startsWith('keys/')) return parseBundle(bytes).envelope.commitment;
  return parseEnvelope(parseManifest(bytes).envelope, MANIFEST_BYTES_MAX).commitment;
}
