import { join } from 'node:path';
import type { Backend } from '../../src/backends/backend.ts';
import { openDirectory } from '../../src/backends/directory/directory.ts';
import { JournalFolder } from '../../src/catalog/upload-journal.ts';
import { toHex } from '../../src/core/bytes.ts';
import type { Clock } from '../../src/core/clock.ts';
import { isValenceError } from '../../src/core/errors.ts';
import type { FileSystem } from '../../src/core/file-system.ts';
import { systemFiles } from '../../src/core/file-system.ts';
import { makeFolderDurably, readWholeFile, writeFileDurably } from '../../src/core/files.ts';
import { uuidText } from '../../src/core/ids.ts';
import type { Catalog, SnapshotSource, StoredTrees, UploadJournal } from '../../src/core/ports.ts';
import { silentProgress } from '../../src/core/progress.ts';
import { createBundle } from '../../src/format/keys/bundle.ts';
import { createHostKey } from '../../src/format/keys/host-key.ts';
import type { HostKey } from '../../src/format/keys/host-key.ts';
import { ownerIdentity } from '../../src/format/keys/owner.ts';
import type { OwnerIdentity } from '../../src/format/keys/owner.ts';
import { createSigningKey } from '../../src/format/keys/signature.ts';
import { createGenerationSecrets } from '../../src/format/keys/writer-secrets.ts';
import type { Profile } from '../../src/format/sealing/stripe.ts';
import { runBackup } from '../../src/pipeline/backup.ts';
import type { BackedUp } from '../../src/pipeline/backup.ts';
import { directCoder } from '../../src/pipeline/code-stripe.ts';
import { planRestore, restore } from '../../src/pipeline/restore.ts';
import { DirectSealer } from '../../src/pipeline/sealer.ts';
import type { SpoolFiles } from '../../src/pipeline/spool.ts';
import { openKeyring } from '../../src/vault/keyring.ts';
import type { ReaderKey } from '../../src/vault/keyring.ts';
import { openPlaces } from '../../src/vault/places.ts';
import type { OpenedPlaces } from '../../src/vault/places.ts';
import { findSnapshots, withUnlisted } from '../../src/vault/snapshots.ts';
import type { Snapshot } from '../../src/vault/snapshots.ts';
import { verifyTier } from '../../src/verify/verify-tier.ts';
import type { TierVerification } from '../../src/verify/verify-tier.ts';
import { plainRows, rowSink } from './row-substrate.ts';
import { seededRandom } from './seeded-random.ts';

/** A vault at 3 of 5 on the folders of one disk, written and read without a database: runs take some 100 ms. */

export const TIER = 'main';
export const PLACES: readonly string[] = ['d1', 'd2', 'd3', 'd4', 'd5'];
const PROFILE: Profile = { k: 3, n: 5 };

const OWNER: OwnerIdentity = ownerIdentity(seededRandom('owner').bytes(32));
const VAULT_ID = seededRandom('vault').bytes(16);
const GENERATION = seededRandom('generation').bytes(16);
const SECRETS = createGenerationSecrets(seededRandom('secrets'));

/** The keys of one of the vault's writers. */
export function writerKey(name: string): HostKey {
  const random = seededRandom(`writer ${name}`);
  const opened = { secrets: SECRETS, signingKey: createSigningKey(random) };
  const ids = { vaultId: VAULT_ID, generation: GENERATION, writerId: random.bytes(16) };
  const recipients = [OWNER.public.recipient];
  const bundle = createBundle({ ...ids, ...opened, createdAt: 0, recipients }, OWNER.signingKey, random);
  return createHostKey({ bundle, opened, owner: OWNER.public, recipients });
}

/** What a host is, apart from what it remembers. */
export interface DiskHost {
  readonly hostKey: HostKey;
  /** Folder of the journal and the spool. */
  readonly home: string;
}

export const FIRST_HOST: DiskHost = { hostKey: writerKey('first'), home: '/home' };

export interface DiskRun {
  readonly files?: FileSystem | undefined;
  /** Folder of the places, which are made if missing. */
  readonly root?: string | undefined;
  readonly host?: DiskHost | undefined;
  readonly catalog: Catalog & StoredTrees;
  readonly source: SnapshotSource;
  /** Makes this run's keys, salts and names differ from those of others. */
  readonly seed: string;
  readonly fullScan?: boolean | undefined;
  readonly profile?: Profile | undefined;
  readonly clock?: Clock | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Puts something between the run and its backends, its journal or its opened source. */
  readonly around?: Partial<Surroundings> | undefined;
}

export interface Surroundings {
  readonly backend: (backend: Backend, place: string) => Backend;
  readonly journal: (journal: UploadJournal) => UploadJournal;
  /** Called when the database snapshot is opened, and when its last row has been read. */
  readonly snapshot: (moment: 'opened' | 'read') => Promise<void>;
}

/** Files of the places were made long ago or never: leftovers of another run are not swept away under its feet. */
const STILL: Clock = { now: () => 0 };

/** One run of the tier. */
export async function backUp(run: DiskRun): Promise<BackedUp> {
  const { files = systemFiles, root = '/', host = FIRST_HOST, catalog, seed, clock = STILL, around = {} } = run;
  const backends: Backend[] = [];
  for (const name of PLACES) {
    const backend = await openDirectory({ root: join(root, name), name, mustExist: false, files, clock });
    backends.push(around.backend?.(backend, name) ?? backend);
  }
  const { vaultId, generation } = host.hostKey;
  await using journal = new JournalFolder({ folder: join(host.home, 'journal'), vaultId, generation, files });
  const spoolFolder = join(host.home, 'spool');
  await makeFolderDurably(spoolFolder, { files });
  const done: BackedUp[] = [];
  await runBackup({
    tiers: [
      {
        name: TIER,
        profile: run.profile ?? PROFILE,
        backends: PLACES.map((name, i) => ({ backend: backends[i]!, name, type: 'directory', domains: [name] })),
        away: [],
        places: PLACES.map((name) => [name]),
      },
    ],
    hostKey: host.hostKey,
    withSnapshot: async (read) => {
      await around.snapshot?.('opened');
      const result = await read({ source: run.source, stored: catalog });
      await around.snapshot?.('read');
      return result;
    },
    catalog,
    journal: around.journal?.(journal) ?? journal,
    sealer: new DirectSealer(seededRandom(`${seed}: sealing`)),
    coder: directCoder,
    spool: { folder: spoolFolder, files: spoolOn(files) },
    configuration: 'version: 1\n',
    fullScan: run.fullScan,
    clock,
    random: seededRandom(`${seed}: run`),
    progress: silentProgress,
    committed: (each) => done.push(each),
    signal: run.signal,
  });
  return done[0]!;
}

/** A snapshot as a reader gets it back. */
export interface ReadBack {
  /** In hexadecimal. */
  readonly digest: string;
  readonly snapshot: Snapshot;
  /** `plainRows` of what was restored. */
  readonly rows: Readonly<Record<string, string>>;
}

export interface Reading {
  readonly files?: FileSystem | undefined;
  /** Folder of the places. */
  readonly root?: string | undefined;
  /** Names of the places there are; all unless given. */
  readonly places?: readonly string[] | undefined;
  /** That of the vaults of this file unless given. */
  readonly owner?: OwnerIdentity | undefined;
  /** Puts something between the reader and a place. */
  readonly backend?: Surroundings['backend'] | undefined;
}

/**
 * Restores every snapshot that the owner finds, or the `newest` so many; none where nothing of a vault is there.
 * @throws what restoring throws
 */
export async function readAll(reading: Reading & { readonly newest?: number }): Promise<ReadBack[]> {
  const opened = await openAll(reading);
  if (opened === null) return [];
  const { places, keyring } = await withKeys(opened, { kind: 'owner', identity: reading.owner ?? OWNER });
  const { snapshots, broken } = await findSnapshots(places, keyring, null);
  if (broken[0] !== undefined) throw broken[0].error;
  const all: ReadBack[] = [];
  for (const snapshot of snapshots.slice(-(reading.newest ?? snapshots.length))) {
    const input = { places, keyring, snapshot };
    let rows: ReadBack['rows'] | null = null;
    const sink = rowSink((state) => (rows = plainRows(state)));
    await restore(input, await planRestore(input), sink, silentProgress);
    all.push({ digest: toHex(snapshot.manifest.digest), snapshot, rows: rows! });
  }
  return all;
}

/** Every byte checked as a host with this memory would; null where nothing of a vault is there. */
export async function verifyAll(
  reading: Reading & { readonly catalog: Pick<Catalog, 'heads'>; readonly host?: DiskHost },
): Promise<TierVerification | null> {
  const opened = await openAll(reading);
  if (opened === null) return null;
  const key = (reading.host ?? FIRST_HOST).hostKey;
  const { places, keyring } = await withKeys(opened, { kind: 'host', key });
  const heads = await reading.catalog.heads();
  return verifyTier({
    tier: TIER,
    places,
    blemishes: opened.blemishes,
    keyring,
    found: await withUnlisted(await findSnapshots(places, keyring, null), heads, { places, keyring }),
    otherTiers: [],
    heads,
    data: true,
    progress: silentProgress,
  });
}

async function withKeys(
  { places, vaultId }: OpenedPlaces,
  key: ReaderKey,
): Promise<{ places: OpenedPlaces['places']; keyring: Awaited<ReturnType<typeof openKeyring>> }> {
  return { places, keyring: await openKeyring(places, vaultId ?? uuidText(VAULT_ID), key) };
}

/** Null: no place says that it is one of a vault, or none holds a key bundle yet, without which there is no snapshot. */
async function openAll({
  files = systemFiles,
  root = '/',
  places,
  backend: around,
}: Reading): Promise<OpenedPlaces | null> {
  const backends: Backend[] = [];
  let hasBundle = false;
  for (const name of places ?? PLACES) {
    try {
      const backend = await openDirectory({ root: join(root, name), name, mustExist: true, files });
      backends.push(around?.(backend, name) ?? backend);
      hasBundle ||= (await Array.fromAsync(backend.list('keys/'))).length > 0;
    } catch (error) {
      if (!isValenceError(error, 'backend/unavailable')) throw error;
    }
  }
  return hasBundle ? openPlaces(backends, null) : null;
}

function spoolOn(files: FileSystem): SpoolFiles {
  return {
    write: async (path, bytes) => void (await writeFileDurably(path, bytes, { files })),
    take: async (path) => {
      const bytes = await readWholeFile(path, { files });
      await files.remove(path);
      return bytes!;
    },
    remove: (path) => files.remove(path).catch(() => undefined),
  };
}
