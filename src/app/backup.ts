import { DatabaseCatalog } from '../catalog/database-catalog.ts';
import { LockFolder } from '../catalog/lock-ledger.ts';
import { JournalFolder } from '../catalog/upload-journal.ts';
import { configForSnapshot } from '../config/config-snapshot.ts';
import type { Config } from '../config/schema.ts';
import { uuidText } from '../core/ids.ts';
import type { WithSnapshot } from '../core/ports.ts';
import type { HostKey } from '../format/keys/host-key.ts';
import { openSnapshotSource } from '../graph/snapshot-source.ts';
import { runBackup } from '../pipeline/backup.ts';
import type { BackedUp, BackupTier } from '../pipeline/backup.ts';
import { ThreadedCoder } from '../pipeline/threaded-coder.ts';
import { ThreadedSealer } from '../pipeline/threaded-sealer.ts';
import { beginChangeLogAnew } from '../schema/change-log-trim.ts';
import type { Database } from '../schema/database.ts';
import type { BackupCalls, RunOptions, SnapshotRecord, VerificationReport, VerifyOptions } from './backup-calls.ts';
import { configureBackups } from './backup-config.ts';
import type { AppContext } from './context.ts';
import { diffSnapshots } from './diff.ts';
import { readHostKey } from './keys.ts';
import { openConfigured } from './places.ts';
import { profileOf } from './profile.ts';
import { repairTiers } from './repair.ts';
import { restoreSnapshot } from './restore.ts';
import { snapshotRecord } from './snapshot-record.ts';
import { openSpoolFolder } from './spool-folder.ts';
import { tierNames } from './tier-names.ts';
import { verifyTiers } from './verify.ts';

/** Implements `BackupCalls`: wires configuration, database, keys and backends to the pipeline. */
export function backupCalls(context: AppContext): Omit<BackupCalls, 'list' | 'show'> {
  return {
    config: (edit) => configureBackups(context, edit),
    run: (options) => run(context, options),
    verify: (options: VerifyOptions): AsyncIterable<VerificationReport> => verifyTiers(context, options),
    repair: (options) => repairTiers(context, options),
    restore: (options) => restoreSnapshot(context, options),
    diff: (options) => diffSnapshots(context, options),
  };
}

async function* run(context: AppContext, options: RunOptions): AsyncGenerator<SnapshotRecord, void, undefined> {
  const { config } = await context.configFile();
  const names = tierNames(config, options.tier);
  const hostKey = await readHostKey(context);
  await context.lock();
  const database = await context.database();
  const catalog = new DatabaseCatalog(database, uuidText(hostKey.vaultId), context.clock);
  await beginChangeLogAnew(database);
  const done: SnapshotRecord[] = [];
  const committed = ({ snapshot, notes, scan }: BackedUp): void => {
    done.push({ ...snapshotRecord(snapshot, notes), scan });
  };
  const fullScan = options.fullScan ?? false;
  try {
    await catalog.exclusively(() => runTiers(context, { config, names, hostKey, catalog, fullScan, committed }));
  } finally {
    // What was committed before a run failed is committed all the same.
    yield* done;
  }
}

interface RunInput {
  readonly config: Config;
  readonly names: readonly string[];
  readonly hostKey: HostKey;
  readonly catalog: DatabaseCatalog;
  readonly fullScan: boolean;
  readonly committed: (done: BackedUp) => void;
}

async function runTiers(context: AppContext, input: RunInput): Promise<void> {
  const { config, names, hostKey, catalog, fullScan, committed } = input;
  const { clock, random, progress, signal } = context;
  const tiers: BackupTier[] = [];
  for (const name of names) tiers.push(await openTier(context, config, name));
  const opened = tiers.flatMap((tier) => tier.backends.map(({ backend }) => backend));
  await using coder = new ThreadedCoder();
  await using sealer = new ThreadedSealer();
  await using spool = await openSpoolFolder(context.home.spoolFolder);
  const { vaultId, generation } = hostKey;
  await using journal = new JournalFolder({ folder: context.home.journalFolder, vaultId, generation });
  try {
    await runBackup({
      tiers,
      hostKey,
      withSnapshot: snapshotOf(await context.database(), catalog, signal),
      catalog,
      journal,
      locks: new LockFolder({ folder: context.home.locksFolder }),
      sealer,
      coder,
      spool,
      configuration: configForSnapshot(config),
      fullScan,
      clock,
      random,
      progress,
      committed,
      signal,
    });
  } finally {
    for (const backend of opened) await backend[Symbol.asyncDispose]();
  }
}

/** One transaction for the substrate and for what the catalog remembers of it. */
function snapshotOf(database: Database, catalog: DatabaseCatalog, signal: AbortSignal): WithSnapshot {
  return (read) =>
    database.transaction({ mode: 'snapshot' }, async (session) =>
      read({
        source: await openSnapshotSource(session, database.version, { signal }),
        stored: catalog.storedTrees(session),
      }),
    );
}

async function openTier(context: AppContext, config: Config, name: string): Promise<BackupTier> {
  const tier = config.tiers.get(name)!;
  const { backends, away } = await openConfigured(context, config, tier.backends);
  const places = tier.backends.map((backend) => [config.backends.get(backend)!.domain]);
  return { name, profile: profileOf(tier.profile), backends, away, places };
}
