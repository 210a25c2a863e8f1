import { DatabaseCatalog } from '../catalog/database-catalog.ts';
import { isValenceError } from '../core/errors.ts';
import { uuidText } from '../core/ids.ts';
import type { BackedUp, BackupTier } from '../pipeline/backup.ts';
import type { ConfiguredBackend } from '../pipeline/holders.ts';
import { beginChangeLogAnew } from '../schema/change-log-trim.ts';
import type { BackupCalls, RunOptions, SnapshotRecord, VerificationReport, VerifyOptions } from './backup-calls.ts';
import { configureBackups } from './backup-config.ts';
import { planRun } from './backup-plan.ts';
import { UsageMeters } from './backend-usage.ts';
import type { AppContext } from './context.ts';
import { diffSnapshots } from './diff.ts';
import { readHostKey } from './keys.ts';
import { extrasOf } from './open-backend.ts';
import { openTier } from './open-tier.ts';
import { repairTiers } from './repair.ts';
import { restoreSnapshot } from './restore.ts';
import { runTiers } from './run-backup.ts';
import { snapshotRecord } from './snapshot-record.ts';
import { tierNames } from './tier-names.ts';
import { keepSpeed } from './upload-speed.ts';
import { verifyTiers } from './verify.ts';

/** Implements `BackupCalls`: wires configuration, database, keys and backends to the pipeline. */
export function backupCalls(context: AppContext): Omit<BackupCalls, 'list' | 'show'> {
  return {
    config: (edit) => configureBackups(context, edit),
    run: (options) => run(context, options),
    plan: (options) => planRun(context, options),
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
  const meters = new UsageMeters(config);
  try {
    await catalog.exclusively(async () => {
      const tiers: BackupTier[] = [];
      for (const name of names) tiers.push(await openTier(context, config, name, meters.meterOf));
      await runTiers(context, {
        config,
        tiers,
        hostKey,
        stored: catalog,
        catalog,
        journalOf: (journal) => journal,
        locksOf: (locks) => locks,
        fullScan,
        committed,
        ended: async () => {
          for (const [i, record] of done.entries()) {
            const { backends } = tiers.find(({ name }) => name === record.tier)!;
            done[i] = { ...record, notes: [...record.notes, ...(await publish(backends, context.signal))] };
          }
        },
      });
    });
  } finally {
    for (const [name, meter] of meters.entries()) await keepSpeed(context.home, name, meter);
    options.used?.(meters.usage());
    // What was committed before a run failed is committed all the same.
    yield* done;
  }
}

/** What was committed is told where others can find it. That it could not be is no failure of the run. */
async function publish(backends: readonly ConfiguredBackend[], signal: AbortSignal): Promise<string[]> {
  const notes = await Promise.all(
    backends.map(async ({ name, backend }) => {
      try {
        return (await extrasOf(backend)?.publish(signal)) ?? [];
      } catch (error) {
        if (!isValenceError(error) && !signal.aborted) throw error;
        return [`backend ${name} could not be published: ${error instanceof Error ? error.message : 'cancelled'}`];
      }
    }),
  );
  return notes.flat();
}
