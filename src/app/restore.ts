import { join, resolve } from 'node:path';
import { configFromSnapshot } from '../config/config-snapshot.ts';
import { toHex } from '../core/bytes.ts';
import { ValenceError, isValenceError } from '../core/errors.ts';
import { writeFileDurably } from '../core/files.ts';
import { snapshotSinkInto } from '../graph/snapshot-sink.ts';
import { countRows } from '../pipeline/count-rows.ts';
import { planRestore, restore } from '../pipeline/restore.ts';
import type { RestoreInput, RestorePlan as PipelinePlan } from '../pipeline/restore.ts';
import type { Database } from '../schema/database.ts';
import { buildVectorIndex, missingVectorIndexes } from '../schema/vector-index.ts';
import { findChainBreaks } from '../vault/chain.ts';
import { findSnapshots } from '../vault/snapshots.ts';
import type { Snapshot, SnapshotsFound } from '../vault/snapshots.ts';
import type { ObjectProblem } from '../vault/read-object.ts';
import type { RestoreEvent, RestoreIndex, RestoreOptions, RestorePlan, VerificationFinding } from './backup-calls.ts';
import type { AppContext } from './context.ts';
import { openOwner } from './keys.ts';
import { openRestoreTarget } from './restore-target.ts';
import type { RestoreTarget } from './restore-target.ts';
import { snapshotRecord } from './snapshot-record.ts';
import { openVaultFrom, pickSnapshot } from './vault-reading.ts';

/** `backup restore`: from locations and a master key alone to a database that can be asked, then to its vector indexes. */
export async function* restoreSnapshot(context: AppContext, options: RestoreOptions): AsyncGenerator<RestoreEvent, void, undefined> {
  const owner = await openOwner(context, options.keyFile);
  const vault = await openVaultFrom(context, options.from, { kind: 'owner', identity: owner });
  const { places, keyring } = vault;
  const found = await findSnapshots(places, keyring, null, context.signal);
  const snapshot = chooseSnapshot(found, options);
  const input: RestoreInput = { places, keyring, snapshot, signal: context.signal };
  const plan = await planRestore(input);
  if (plan.loss !== null && !options.dryRun) throw plan.loss;
  await using target = await openRestoreTarget(context, options.to, options.dryRun ? null : { snapshot, plan });
  const warnings = [...vault.blemishes.map(({ location, error }) => `${location}: ${error.message}`), ...gapWarnings(found)];
  yield planEvent(plan, snapshot, { target, findings: plan.problems.map(finding), resumed: target.resumed });
  if (options.dryRun) return;
  const done = target.resumed ? { orphanEdges: [], problems: [] } : await fill(context, target, input, plan);
  const orphansFile = await writeOrphans(done.orphanEdges, snapshot, target);
  const counts = countRows(plan.body.trees.map((tree) => tree.summary));
  const root = toHex(plan.body.contentRoot);
  const to = target.location;
  yield { type: 'queryable', to, counts, root };
  yield* buildIndexes(context, await target.open());
  const damage = done.problems.map(({ location, object, kind }) => `${location}: ${object} is ${kind}`);
  yield {
    type: 'restored',
    snapshot: toHex(snapshot.manifest.digest),
    to,
    counts,
    root,
    orphanEdges: done.orphanEdges.length,
    orphansFile,
    warnings: [...warnings, ...new Set(damage)],
  };
}

/**
 * `latest` is refused where something newer is known to be gone or unreadable: an older state must be chosen, not slipped in.
 * @throws `integrity/chain-broken`, and what the newest manifest's error says
 */
function chooseSnapshot(found: SnapshotsFound, { snapshot, tier }: RestoreOptions): Snapshot {
  if (found.snapshots.length === 0 && found.broken[0] !== undefined) throw found.broken[0].error;
  const chosen = pickSnapshot(found, snapshot, tier ?? null);
  if (snapshot !== 'latest') return chosen;
  const { header } = chosen.manifest;
  const hint = `name the snapshot you want: --snapshot ${toHex(chosen.manifest.digest).slice(0, 12)}`;
  const broken = found.broken.find(({ name }) => name.tier === header.tier && name.sequence >= header.sequence);
  if (broken !== undefined) throw new ValenceError(broken.error.code, broken.error.message, { ...broken.error, hint, cause: broken.error });
  const gap = findChainBreaks(found.snapshots, found.broken).find(({ tier: of, kind }) => of === header.tier && kind === 'missing');
  if (gap === undefined) return chosen;
  throw new ValenceError('integrity/chain-broken', gap.detail, { hint: `name more locations, or ${hint}`, context: { digest: toHex(gap.digest) } });
}

function gapWarnings(found: SnapshotsFound): string[] {
  return [...findChainBreaks(found.snapshots, found.broken).map(({ detail }) => detail), ...found.broken.map(({ error }) => error.message)];
}

interface PlanFacts {
  readonly target: RestoreTarget;
  readonly findings: readonly VerificationFinding[];
  readonly resumed: boolean;
}

function planEvent(plan: PipelinePlan, snapshot: Snapshot, { target, findings, resumed }: PlanFacts): RestorePlan {
  const { stripes, bytesToRead } = plan;
  const restorable = plan.loss === null;
  return { type: 'plan', snapshot: snapshotRecord(snapshot), to: target.location, stripes, bytesToRead, restorable, findings, resumed };
}

async function fill(context: AppContext, target: RestoreTarget, input: RestoreInput, plan: PipelinePlan): ReturnType<typeof restore> {
  const done = await restore(input, plan, snapshotSinkInto(await target.open(), { signal: context.signal }), context.progress);
  await target.publish(configurationOf(plan));
  return done;
}

/** A configuration that cannot be read must not stand in the way of the knowledge. */
function configurationOf({ body }: PipelinePlan): string | null {
  try {
    configFromSnapshot(body.configuration);
    return body.configuration;
  } catch (error) {
    if (isValenceError(error, 'format/malformed')) return null;
    throw error;
  }
}

async function* buildIndexes(context: AppContext, database: Database): AsyncGenerator<RestoreIndex, void, undefined> {
  for (const model of await missingVectorIndexes(database)) {
    context.signal.throwIfAborted();
    yield { type: 'index', model: model.name, state: 'building' };
    const built = await buildVectorIndex(database, model);
    yield { type: 'index', model: model.name, state: built === 'built' || built === 'present' ? 'built' : 'skipped' };
  }
  await database.sync();
}

async function writeOrphans(edges: readonly Readonly<Record<string, unknown>>[], snapshot: Snapshot, target: RestoreTarget): Promise<string | null> {
  if (edges.length === 0) return null;
  const folder = target.folder ?? resolve('.');
  const path = join(folder, `orphans-${toHex(snapshot.manifest.digest).slice(0, 12)}.jsonl`);
  await writeFileDurably(path, Buffer.from(edges.map((edge) => `${JSON.stringify(edge)}\n`).join('')), { mode: 0o600 });
  return path;
}

function finding({ location, object, kind }: ObjectProblem): VerificationFinding {
  return { kind: `object-${kind}`, severity: 'warning', location, object, detail: `it is ${kind}` };
}
