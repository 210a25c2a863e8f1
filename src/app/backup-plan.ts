import { DatabaseCatalog } from '../catalog/database-catalog.ts';
import type { Backend } from '../backends/backend.ts';
import { costOf } from '../backends/wrappers/cost.ts';
import { dryRun } from '../backends/wrappers/dry-run.ts';
import type { DryRunBackend } from '../backends/wrappers/dry-run.ts';
import type { BackendConfig, Config } from '../config/schema.ts';
import { uuidText } from '../core/ids.ts';
import type { Catalog, UploadJournal } from '../core/ports.ts';
import type { BackedUp, BackupTier } from '../pipeline/backup.ts';
import type { BackendPlan, PlannedCost, RunOptions, RunPlan } from './backup-calls.ts';
import type { AppContext } from './context.ts';
import { readHostKey } from './keys.ts';
import { priceTable } from './open-backend.ts';
import { runTiers } from './run-backup.ts';
import { openTier } from './open-tier.ts';
import { tierNames } from './tier-names.ts';
import { readSpeed } from './upload-speed.ts';

/**
 * `backup run --dry-run`: the run itself, with backends that only count what they are given, and a catalog and a journal
 * that keep nothing. So the plan is as good as the run: it reads, seals and codes the same.
 */
export async function* planRun(context: AppContext, options: RunOptions): AsyncGenerator<RunPlan, void, undefined> {
  const { config } = await context.configFile();
  const names = tierNames(config, options.tier);
  const hostKey = await readHostKey(context);
  await context.lock();
  const stored = new DatabaseCatalog(await context.database(), uuidText(hostKey.vaultId), context.clock);
  const rehearsals: Rehearsal[] = [];
  const opened: Backend[] = [];
  for (const name of names) {
    const tier = await openTier(context, config, name);
    opened.push(...tier.backends.map(({ backend }) => backend));
    rehearsals.push(rehearse(config, tier));
  }
  const done: BackedUp[] = [];
  await runTiers(context, {
    config,
    tiers: rehearsals.map(({ tier }) => tier),
    hostKey,
    stored,
    catalog: forgetful(stored),
    journalOf: unwritten,
    locksOf: (locks) => ({ read: (tier) => locks.read(tier), write: async () => {} }),
    fullScan: options.fullScan ?? false,
    committed: (planned) => done.push(planned),
  });
  for (const backend of opened) await context.release(backend);
  for (const [i, planned] of done.entries()) {
    const { tier, counted } = rehearsals[i]!;
    const backends: BackendPlan[] = [];
    for (const [name, backend] of counted) {
      backends.push(await planOf(context, name, config.backends.get(name)!, backend));
    }
    const { snapshot, scan, notes } = planned;
    const { newBytes } = snapshot.summary;
    yield { type: 'run-plan', tier: tier.name, scan, newBytes, backends, notes };
  }
}

interface Rehearsal {
  readonly tier: BackupTier;
  /** By the names of backends. */
  readonly counted: ReadonlyMap<string, DryRunBackend>;
}

/** What is read-only refuses by itself, and is left to. */
function rehearse(config: Config, tier: BackupTier): Rehearsal {
  const counted = new Map(
    tier.backends
      .filter(({ name }) => !config.backends.get(name)!.readOnly)
      .map(({ name, backend }) => [name, dryRun(backend, { name })]),
  );
  const backends = tier.backends.map((configured) => ({
    ...configured,
    backend: counted.get(configured.name) ?? configured.backend,
  }));
  return { tier: { ...tier, backends }, counted };
}

/** Reads what is remembered, and remembers nothing. */
function forgetful(catalog: Catalog): Catalog {
  return {
    heads: () => catalog.heads(),
    record: (tier) => catalog.record(tier),
    positions: (tier) => catalog.positions(tier),
    commit: async () => {},
    exclusively: (work) => work(),
    forget: async () => {},
  };
}

function unwritten(journal: UploadJournal): UploadJournal {
  return { read: (tier) => journal.read(tier), append: async () => {}, clear: async () => {} };
}

async function planOf(
  { home }: AppContext,
  name: string,
  { location, prices, limits }: BackendConfig,
  counted: DryRunBackend,
): Promise<BackendPlan> {
  const { objects, bytes } = counted.plan().put;
  const measured = await readSpeed(home, name);
  const limited = Math.max(
    limits.uploadBytesPerSecond === null ? 0 : bytes / limits.uploadBytesPerSecond,
    limits.operationsPerSecond === null ? 0 : objects / limits.operationsPerSecond,
  );
  const unlimited = measured === null ? 0 : bytes / measured.bytesPerSecond;
  const seconds = Math.max(limited, unlimited);
  const timeFrom = seconds === 0 ? null : limited >= unlimited ? 'limits' : 'measured';
  return {
    name,
    location,
    objects,
    bytes,
    cost: prices === null ? null : plannedCost(objects, bytes, priceTable(prices)),
    seconds: timeFrom === null ? null : seconds,
    timeFrom,
  };
}

function plannedCost(objects: number, bytes: number, prices: Parameters<typeof costOf>[1]): PlannedCost {
  const calls = { put: objects, get: 0, stat: 0, list: 0, delete: 0, lock: 0 };
  return costOf({ calls, bytesDown: 0, bytesStored: bytes }, prices);
}
