import type { DatabaseCatalog } from '../catalog/database-catalog.ts';
import { LockFolder } from '../catalog/lock-ledger.ts';
import { JournalFolder } from '../catalog/upload-journal.ts';
import { configForSnapshot } from '../config/config-snapshot.ts';
import type { Config } from '../config/schema.ts';
import type { Catalog, LockLedger, UploadJournal, WithSnapshot } from '../core/ports.ts';
import type { HostKey } from '../format/keys/host-key.ts';
import { openSnapshotSource } from '../graph/snapshot/snapshot-source.ts';
import { runBackup } from '../pipeline/backup.ts';
import type { BackedUp, BackupTier } from '../pipeline/backup.ts';
import { ThreadedCoder } from '../pipeline/threaded-coder.ts';
import { ThreadedSealer } from '../pipeline/threaded-sealer.ts';
import type { Database } from '../schema/database.ts';
import type { AppContext } from './context.ts';
import { openSpoolFolder } from './spool-folder.ts';

/** What a run and its rehearsal have in common: everything but where they write. */
export interface RunInput {
  readonly config: Config;
  readonly tiers: readonly BackupTier[];
  readonly hostKey: HostKey;
  readonly stored: DatabaseCatalog;
  readonly catalog: Catalog;
  /** What is made of the home's upload journal. */
  readonly journalOf: (journal: UploadJournal) => UploadJournal;
  /** The same of what it knows of locks. */
  readonly locksOf: (locks: LockLedger) => LockLedger;
  readonly fullScan: boolean;
  readonly committed: (done: BackedUp) => void;
  /** Called when the run has ended, well or not, while the backends are still open. */
  readonly ended?: (() => Promise<void>) | undefined;
}

/** Closes the backends. @throws as `runBackup` */
export async function runTiers(context: AppContext, input: RunInput): Promise<void> {
  const { config, tiers, hostKey, stored, catalog, fullScan, committed, ended } = input;
  const { clock, random, progress, signal } = context;
  const opened = tiers.flatMap((tier) => tier.backends.map(({ backend }) => backend));
  try {
    await using coder = new ThreadedCoder();
    await using sealer = new ThreadedSealer();
    await using spool = await openSpoolFolder(context.home.spoolFolder);
    const { vaultId, generation } = hostKey;
    await using journal = new JournalFolder({ folder: context.home.journalFolder, vaultId, generation });
    await runBackup({
      tiers,
      hostKey,
      withSnapshot: snapshotOf(await context.database(), stored, signal),
      catalog,
      journal: input.journalOf(journal),
      locks: input.locksOf(new LockFolder({ folder: context.home.locksFolder })),
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
    await ended?.();
    for (const backend of opened) await context.release(backend);
  }
}

/** One transaction for the substrate and for what the catalog remembers of it. */
function snapshotOf(database: Database, stored: DatabaseCatalog, signal: AbortSignal): WithSnapshot {
  return (read) =>
    database.transaction({ mode: 'snapshot' }, async (session) =>
      read({
        source: await openSnapshotSource(session, database.version, { signal }),
        stored: stored.storedTrees(session),
      }),
    );
}
