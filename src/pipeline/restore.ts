import { ValenceError } from '../core/errors.ts';
import type { SettleReport, SnapshotSink, WithSnapshotSink } from '../core/ports.ts';
import type { ProgressSink } from '../core/progress.ts';
import type { IndexedStripe } from '../format/index/segment-body.ts';
import type { RootedTree } from '../format/snapshot/body.ts';
import { ContentIds } from '../format/tree/content-id.ts';
import { readIndex } from '../vault/index-map.ts';
import type { IndexMap } from '../vault/index-map.ts';
import type { Keyring } from '../vault/keyring.ts';
import type { Place } from '../vault/places.ts';
import { holderName, tooFewShards } from '../vault/lost-stripes.ts';
import type { HolderNames, LostStripe } from '../vault/lost-stripes.ts';
import { byIndex, Presence } from '../vault/presence.ts';
import type { ObjectProblem } from '../vault/read-object.ts';
import { loadRepairs } from '../vault/repairs.ts';
import { openSnapshotBody } from '../vault/snapshot-body.ts';
import type { OpenedBody } from '../vault/snapshot-body.ts';
import type { Snapshot } from '../vault/snapshots.ts';
import { ChunkReader } from '../vault/chunk-reader.ts';
import { PackSource } from '../vault/sealed-source.ts';
import { StripeReader } from '../vault/stripe-reader.ts';
import { layoutOf, treeIdOf, TreeReader } from '../vault/tree-reader.ts';
import { contentRootOf } from './read-trees.ts';

/** Rebuilds a substrate from any sufficient set of places and the owner's key, into whatever sink it is given. */

export interface RestoreInput {
  readonly places: readonly Place[];
  readonly keyring: Keyring;
  readonly snapshot: Snapshot;
  readonly names?: HolderNames | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a restore would read, known before anything is written. */
export interface RestorePlan extends OpenedBody {
  readonly index: IndexMap;
  readonly stripes: number;
  /** Of the shards that rebuild them. */
  readonly bytesToRead: number;
  readonly presence: Presence;
  /** Missing or wrong-sized shards and damaged copies of other objects. */
  readonly problems: readonly ObjectProblem[];
  /** Holders of needed stripes, by name: all, and those that none of the places is. */
  readonly holders: { readonly all: readonly string[]; readonly absent: readonly string[] };
  /** Set when some stripe has fewer than k shards: why nothing can be restored. */
  readonly loss: ValenceError | null;
}

export interface Restored extends SettleReport {
  /** Shards that turned out missing or damaged while they were read. */
  readonly problems: readonly ObjectProblem[];
}

/**
 * Opens the snapshot and looks for every shard it needs.
 * @throws `key/wrong-key`, `integrity/*`, `format/*` when it cannot even be opened
 */
export async function planRestore(input: RestoreInput): Promise<RestorePlan> {
  const { places, keyring, snapshot, signal, names = new Map<string, string>() } = input;
  const { body, secrets } = openSnapshotBody(snapshot, keyring);
  const { index, problems: indexProblems } = await readIndex(places, keyring, snapshot.manifest.header.index, signal);
  const presence = await Presence.load(places, signal);
  const repairs = await loadRepairs(places, keyring, signal);
  index.learn(repairs.stripes);
  const stripes = index.liveStripes();
  const problems = [...indexProblems, ...presence.problems, ...repairs.problems];
  const canBeRead = (stripe: IndexedStripe): boolean =>
    byIndex(stripe.shards).size - presence.unreachable(stripe).length >= stripe.geometry.k;
  const lost: LostStripe[] = [];
  const [all, absent] = [new Set<string>(), new Set<string>()];
  for (const stripe of stripes) {
    const lacking = presence.lacking(stripe);
    problems.push(...lacking.flatMap((lack) => lack.problems));
    for (const { holder } of stripe.shards) all.add(holderName(names, holder));
    for (const lack of lacking) if (lack.problems.length === 0) absent.add(holderName(names, lack.shard.holder));
    if (index.isHad(stripe, canBeRead)) continue;
    const missing = presence.unreachable(stripe);
    lost.push({ stripe, present: byIndex(stripe.shards).size - missing.length, missing });
  }
  const bytesToRead = stripes.reduce((sum, { geometry }) => sum + geometry.k * geometry.shardLength, 0);
  const holders = { all: [...all].sort(), absent: [...absent].sort() };
  const loss = lost.length === 0 ? null : tooFewShards(lost, names);
  return { body, secrets, index, stripes: stripes.length, bytesToRead, presence, problems, holders, loss };
}

/**
 * Loads every tree, lets the sink settle, and reads all of it back: the content roots must be the manifest's.
 * @throws `integrity/*` and whatever the sink throws; nothing of the restore remains then
 */
export async function restore(
  input: RestoreInput,
  plan: RestorePlan,
  withSink: WithSnapshotSink,
  progress: ProgressSink,
): Promise<Restored> {
  if (plan.loss !== null) throw plan.loss;
  const { names, signal } = input;
  const stripes = new StripeReader(input.places, plan.secrets.maskKey, { presence: plan.presence, names, signal });
  const reader = new TreeReader(
    new ChunkReader(new PackSource(plan.index, stripes), new ContentIds(plan.secrets.contentIdKey)),
  );
  return withSink(async (sink) => {
    for (const tree of plan.body.trees) await loadTree(sink, tree, reader, progress);
    progress({ stage: 'building constraints' });
    const settled = await sink.settle();
    progress({ stage: 'comparing with the snapshot' });
    await compare(sink, plan, settled.orphanEdges.length > 0, signal);
    return { ...settled, problems: stripes.problems };
  });
}

async function loadTree(
  sink: SnapshotSink,
  tree: RootedTree,
  reader: TreeReader,
  progress: ProgressSink,
): Promise<void> {
  const layout = layoutOf(tree);
  if (layout.derived === true) return;
  const { summary } = tree;
  progress({ stage: `restoring ${layout.name}`, done: 0, total: summary.rows, unit: 'rows' });
  const rows = await sink.load(treeIdOf(tree), reader.copy(tree));
  if (rows !== summary.rows)
    throw differs(`${rows} rows of ${layout.name} were loaded, ${summary.rows} are in the snapshot`);
}

/** Without orphans everything must be equal; with them, all trees but those that lost the orphans. */
async function compare(
  sink: SnapshotSink,
  plan: RestorePlan,
  hasOrphans: boolean,
  signal?: AbortSignal,
): Promise<void> {
  const { trees } = await contentRootOf(sink.written, plan.secrets, signal);
  for (const expected of plan.body.trees) {
    const layout = layoutOf(expected);
    if (hasOrphans && layout.mayLoseOrphans === true) continue;
    const { code, modelId, contentId } = expected.summary;
    const found = trees.find(({ summary }) => summary.code === code && Buffer.compare(summary.modelId, modelId) === 0);
    if (found !== undefined && Buffer.compare(found.summary.contentId, contentId) === 0) continue;
    throw differs(`${layout.name} in the target does not equal ${layout.name} in the snapshot`);
  }
}

/** That what was written is not what was read. */
export function differs(message: string): ValenceError {
  return new ValenceError('integrity/authentication-failed', message, {
    hint: 'nothing was kept; this is a fault of valence, please report it',
  });
}
