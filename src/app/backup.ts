import { DatabaseCatalog } from '../catalog/database-catalog.ts';
import { configForSnapshot } from '../config/config-snapshot.ts';
import type { Config } from '../config/schema.ts';
import { uuidText } from '../core/ids.ts';
import type { Catalog } from '../core/ports.ts';
import type { HostKey } from '../format/keys/host-key.ts';
import { snapshotSourceOf } from '../graph/snapshot-source.ts';
import { runBackup } from '../pipeline/backup.ts';
import type { BackupTier } from '../pipeline/backup.ts';
import { ThreadedCoder } from '../pipeline/threaded-coder.ts';
import { ThreadedSealer } from '../pipeline/threaded-sealer.ts';
import { findSnapshots, isWidelyListed } from '../vault/snapshots.ts';
import type {
  BackupCalls,
  ReadOptions,
  RunOptions,
  SnapshotDetails,
  SnapshotRecord,
  VerificationReport,
  VerifyOptions,
} from './backup-calls.ts';
import { configureBackups } from './backup-config.ts';
import type { AppContext } from './context.ts';
import { readHostKey } from './keys.ts';
import { openConfigured } from './places.ts';
import { profileOf } from './profile.ts';
import { restoreSnapshot } from './restore.ts';
import { snapshotDetails, snapshotRecord } from './snapshot-record.ts';
import { openSpoolFolder } from './spool-folder.ts';
import { tierNames } from './tier-names.ts';
import { openVaultFrom, pickSnapshot, readerKey } from './vault-reading.ts';
import { verifyTiers } from './verify.ts';

/** Implements `BackupCalls`: wires configuration, database, keys and backends to the pipeline. */
export function backupCalls(context: AppContext): BackupCalls {
  return {
    config: (edit) => configureBackups(context, edit),
    run: (options) => run(context, options),
    list: (options) => list(context, options),
    show: (id, options) => show(context, id, options),
    verify: (options: VerifyOptions): AsyncIterable<VerificationReport> => verifyTiers(context, options),
    restore: (options) => restoreSnapshot(context, options),
  };
}

async function* run(context: AppContext, options: RunOptions): AsyncGenerator<SnapshotRecord, void, undefined> {
  const { config } = await context.configFile();
  const names = tierNames(config, options.tier);
  const hostKey = await readHostKey(context);
  await context.lock();
  const database = await context.database();
  const catalog = new DatabaseCatalog(database, uuidText(hostKey.vaultId), context.clock);
  const done = await catalog.exclusively(async () => runTiers(context, { config, names, hostKey, catalog }));
  for (const { snapshot, notes } of done) yield snapshotRecord(snapshot, notes);
}

interface RunInput {
  readonly config: Config;
  readonly names: readonly string[];
  readonly hostKey: HostKey;
  readonly catalog: Catalog;
}

async function runTiers(context: AppContext, input: RunInput): ReturnType<typeof runBackup> {
  const { config, names, hostKey, catalog } = input;
  const { clock, random, progress, signal } = context;
  const tiers: BackupTier[] = [];
  for (const name of names) tiers.push(await openTier(context, config, name));
  const opened = tiers.flatMap((tier) => tier.backends.map(({ backend }) => backend));
  await using coder = new ThreadedCoder();
  await using sealer = new ThreadedSealer();
  await using spool = await openSpoolFolder(context.home.spoolFolder);
  try {
    return await runBackup({
      tiers,
      hostKey,
      withSource: snapshotSourceOf(await context.database(), { signal }),
      catalog,
      sealer,
      coder,
      spool,
      configuration: configForSnapshot(config),
      clock,
      random,
      progress,
      signal,
    });
  } finally {
    for (const backend of opened) await backend[Symbol.asyncDispose]();
  }
}

async function openTier(context: AppContext, config: Config, name: string): Promise<BackupTier> {
  const tier = config.tiers.get(name)!;
  const { backends, away } = await openConfigured(context, config, tier.backends);
  const domains = tier.backends.map((backend) => config.backends.get(backend)!.domain);
  return { name, profile: profileOf(tier.profile), backends, away, domains };
}

async function* list(
  context: AppContext,
  { from, keyFile }: ReadOptions,
): AsyncGenerator<SnapshotRecord, void, undefined> {
  const vault = await openVaultFrom(context, from, await readerKey(context, keyFile));
  const { snapshots, broken } = await findSnapshots(vault.places, vault.keyring, null, context.signal);
  for (const snapshot of snapshots) yield snapshotRecord(snapshot);
  const serious = broken.find(({ name, foreign }) => !foreign && isWidelyListed(name, vault.places.length));
  if (serious !== undefined) throw serious.error;
}

async function show(context: AppContext, id: string, { from, keyFile }: ReadOptions): Promise<SnapshotDetails> {
  const vault = await openVaultFrom(context, from, await readerKey(context, keyFile));
  const found = await findSnapshots(vault.places, vault.keyring, null, context.signal);
  return snapshotDetails(pickSnapshot(found, id, null));
}
