import { equalBytes } from '../core/bytes.ts';
import { ValenceError } from '../core/errors.ts';
import type { CatalogSegment, OpenedSnapshot, TreeStretch } from '../core/ports.ts';
import type { BackupOptions, Scan, TierRun } from './backup.ts';
import { loadKnownChunks, neededSegments, readOldIndex } from './old-index.ts';
import type { OldIndex } from './old-index.ts';
import { findMissed } from './find-missed.ts';
import { readChanges } from './read-changes.ts';
import { readTrees } from './read-trees.ts';
import type { ReadTree } from './read-trees.ts';
import type { RepairedView } from './remembered-stripes.ts';
import { planAll, planTier } from './scan-plan.ts';
import type { ChangesPlan, FullPlan, ScanPlan } from './scan-plan.ts';
import type { StoredChunk } from './tier-writer.ts';

/** The reading half of a run: every tier from one state of the database, each by the shortest way that it allows. */

export interface SnapshotFacts {
  readonly schemaVersion: number;
  readonly engine: string;
  /** `SnapshotSource.position` */
  readonly position: string | null;
  readonly contentRoot: Uint8Array;
}

export interface TierRead {
  readonly scan: Scan;
  readonly trees: readonly ReadTree<StoredChunk>[];
  /** Positions of the last snapshot that do not stay. */
  readonly removed: readonly TreeStretch[] | 'all';
  /** Names of chunks that the last snapshot held and this one does not. */
  readonly dropped: readonly Uint8Array[];
  /** The old index segments that this snapshot builds on. */
  readonly segments: readonly CatalogSegment[];
  readonly problems: OldIndex['problems'];
  readonly notes: readonly string[];
}

export interface TiersRead {
  readonly facts: SnapshotFacts;
  /** One a run. */
  readonly reads: readonly TierRead[];
  /** Set when a full scan found what the change log had missed. */
  readonly missed: ValenceError | null;
}

/** Where some tier needs a full scan, its old index is read first, with no database snapshot held open meanwhile. */
export async function readTiers(runs: readonly TierRun[], options: BackupOptions): Promise<TiersRead> {
  const first = await options.withSnapshot<FirstLook>(async (opened) => {
    const plans = await planAll(runs, opened);
    if (options.fullScan === true) return { plans: plans.map(inFull) };
    if (plans.some(({ scan }) => scan === 'everything')) return { plans };
    return { read: await readPlanned(opened, runs, { plans, olds: [], options }) };
  });
  return 'read' in first ? first.read : readWithOldIndex(runs, first.plans, options);
}

/** All that there is to read, or how to. */
type FirstLook = { readonly read: TiersRead } | { readonly plans: readonly ScanPlan[] };

/** As asked for; what is not to be believed is not, in a full scan either. */
function inFull(plan: ScanPlan): FullPlan {
  if (plan.scan === 'everything' && plan.forgets) return plan;
  return { scan: 'everything', reason: null, forgets: false };
}

async function readWithOldIndex(
  runs: readonly TierRun[],
  plans: readonly ScanPlan[],
  options: BackupOptions,
): Promise<TiersRead> {
  const olds: (OldIndex | null)[] = [];
  for (const [i, run] of runs.entries()) {
    const plan = plans[i]!;
    olds.push(plan.scan === 'changes' ? null : await loadOld(run, plan, options));
  }
  return options.withSnapshot(async (opened) => {
    const now: ScanPlan[] = [];
    for (const [i, run] of runs.entries()) {
      const plan = plans[i]!;
      const again = plan.scan === 'changes' ? await planTier(run, opened) : plan;
      if (again.scan !== plan.scan) throw lostFooting(again);
      now.push(again);
    }
    return readPlanned(opened, runs, { plans: now, olds, options });
  });
}

async function loadOld(run: TierRun, { forgets }: FullPlan, { catalog, signal }: BackupOptions): Promise<OldIndex> {
  const record = forgets ? null : run.state.record;
  const places = run.holders.map(({ backend, holder }) => ({ backend, holder }));
  const old = await readOldIndex(places, run.keyring, record, {
    repaired: run.state.repairs.stripes,
    signal,
  });
  if (record !== null) {
    await loadKnownChunks(run.known, catalog.positions(run.tier.name), old, run.state.presence);
  }
  return old;
}

function lostFooting(plan: ScanPlan): ValenceError {
  const reason = plan.scan === 'everything' ? plan.reason : null;
  return new ValenceError('database/failed', `the change log could not be followed while the backup ran: ${reason}`, {
    hint: 'run the backup again',
  });
}

interface Planned {
  readonly plans: readonly ScanPlan[];
  readonly olds: readonly (OldIndex | null)[];
  readonly options: BackupOptions;
}

async function readPlanned(
  opened: OpenedSnapshot,
  runs: readonly TierRun[],
  { plans, olds, options }: Planned,
): Promise<TiersRead> {
  const { schemaVersion, engine, position } = opened.source;
  const reads: TierRead[] = [];
  const roots: Uint8Array[] = [];
  const scanned = runs.filter((_, i) => plans[i]!.scan === 'everything');
  const everything = scanned.length === 0 ? null : await readEverything(opened, scanned, options);
  for (const [i, run] of runs.entries()) {
    const plan = plans[i]!;
    if (plan.scan === 'changes') {
      const { contentRoot, read } = await readChangesOf(opened, run, plan, options);
      roots.push(contentRoot);
      reads.push(read);
      continue;
    }
    const old = olds[i]!;
    roots.push(everything!.contentRoot);
    reads.push({
      scan: 'everything',
      trees: treesOf(everything!.trees, scanned.indexOf(run)),
      removed: 'all',
      dropped: Array.from(run.known.unused(), ({ name }) => Buffer.from(name)),
      segments: neededSegments(old, run.known, viewOf(run)),
      problems: old.problems,
      notes: [...(plan.reason === null ? [] : [`every row was read: ${plan.reason}`]), ...old.notes],
    });
  }
  const contentRoot = roots[0]!;
  if (!roots.every((root) => equalBytes(root, contentRoot))) throw contradiction(runs, plans);
  const facts = { schemaVersion, engine, position, contentRoot };
  if (options.fullScan !== true) return { facts, reads, missed: null };
  const { compared, missed } = await findMissed(opened, runs, contentRoot, options);
  const notes = compared > 0 && missed === null ? ['every row was read: the change log had missed nothing'] : [];
  return { facts, reads: reads.map((read) => ({ ...read, notes: [...notes, ...read.notes] })), missed };
}

function viewOf({ state, tier }: TierRun): RepairedView {
  return { repaired: state.repairs.stripes, presence: state.presence, profile: tier.profile };
}

type PerTier = readonly StoredChunk[];

async function readEverything(
  { source }: OpenedSnapshot,
  runs: readonly TierRun[],
  options: BackupOptions,
): Promise<{ readonly contentRoot: Uint8Array; readonly trees: readonly ReadTree<PerTier>[] }> {
  return readTrees<PerTier>(source, {
    secrets: options.hostKey.secrets,
    store: (chunk, tree) =>
      Promise.all(runs.map((run, i) => run.writer.put(tree, chunk, () => childrenOf(chunk.children, i)))),
    ready: () => ready(runs, options),
    progress: options.progress,
    signal: options.signal,
  });
}

async function childrenOf(children: readonly Promise<PerTier>[], tier: number): Promise<StoredChunk[]> {
  const stored = await Promise.all(children);
  return stored.map((perTier) => perTier[tier]!);
}

function treesOf(trees: readonly ReadTree<PerTier>[], tier: number): ReadTree<StoredChunk>[] {
  return trees.map(({ root, ...tree }) => ({ ...tree, root: root[tier]! }));
}

async function ready(runs: readonly TierRun[], { sealer }: BackupOptions): Promise<void> {
  await sealer.ready();
  for (const run of runs) await run.writer.ready();
}

async function readChangesOf(
  opened: OpenedSnapshot,
  run: TierRun,
  plan: ChangesPlan,
  options: BackupOptions,
): Promise<{ readonly contentRoot: Uint8Array; readonly read: TierRead }> {
  const tier = run.tier.name;
  const { contentRoot, trees, removed } = await readChanges<StoredChunk>(opened, {
    tier,
    record: plan.record,
    changes: plan.changes,
    secrets: options.hostKey.secrets,
    store: (chunk, tree) => run.writer.put(tree, chunk, () => Promise.all(chunk.children)),
    replacing: (position) => run.known.add(position),
    isSame: ({ reference }, { name }) => equalBytes(reference.name, name),
    keep: (contentId, { name, key }) => ({ contentId, reference: { name, key }, fresh: false, pieces: [] }),
    ready: () => ready([run], options),
    progress: options.progress,
    signal: options.signal,
  });
  await run.writer.settled();
  const unused = [...run.known.unused()];
  const uses = await opened.stored.uses(tier, unused);
  const dropped = unused.flatMap(({ name, times }, i) => (uses[i]! <= times ? [Buffer.from(name)] : []));
  const { segments } = plan.record;
  return { contentRoot, read: { scan: 'changes', trees, removed, dropped, segments, problems: [], notes: [] } };
}

function contradiction(runs: readonly TierRun[], plans: readonly ScanPlan[]): ValenceError {
  return new ValenceError('integrity/change-log', 'the tiers of this run did not read the same from the database', {
    hint: 'nothing was committed; run `valence backup run --full-scan`, and please report this',
    context: { tiers: runs.map((run, i) => ({ tier: run.tier.name, scan: plans[i]!.scan })) },
  });
}
