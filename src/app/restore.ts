import { join, resolve } from 'node:path';
import { configFromSnapshot } from '../config/config-snapshot.ts';
import { LANGUAGE_DEFAULT } from '../config/search.ts';
import { toHex } from '../core/bytes.ts';
import { ValenceError, isValenceError } from '../core/errors.ts';
import { writeFileDurably } from '../core/files.ts';
import { snapshotSinkInto } from '../graph/snapshot/snapshot-sink.ts';
import { countRows } from '../pipeline/count-rows.ts';
import { planRestore, restore } from '../pipeline/restore.ts';
import type { RestoreInput, RestorePlan as PipelinePlan } from '../pipeline/restore.ts';
import { markPart } from '../schema/part-mark.ts';
import { findChainBreaks } from '../vault/chain.ts';
import { findSnapshots, holderNames, isWidelyListed } from '../vault/snapshots.ts';
import type { BrokenSnapshot, Snapshot, SnapshotsFound } from '../vault/snapshots.ts';
import type { ObjectProblem } from '../vault/read-object.ts';
import type { RestoreEvent, RestoreOptions, RestorePlan, VerificationFinding } from './backup-calls.ts';
import type { AppContext } from './context.ts';
import { openOwner } from './keys.ts';
import { openPartRequest, restorePart } from './partial-restore.ts';
import { openRestoreTarget } from './restore-target.ts';
import type { RestoreTarget } from './restore-target.ts';
import { withArchives } from './archived-restore.ts';
import { buildIndexes } from './restored-indexes.ts';
import { snapshotRecord } from './snapshot-record.ts';
import { openVaultFrom, pickSnapshot, placeWarnings } from './vault-reading.ts';

/** `backup restore`: from locations and a master key alone to a database that can be asked, then to its vector indexes. */
export async function* restoreSnapshot(
  context: AppContext,
  options: RestoreOptions,
): AsyncGenerator<RestoreEvent, void, undefined> {
  const part = options.part === undefined ? null : await openPartRequest(context, options, options.part);
  const owner = await openOwner(context, options.keyFile);
  const vault = await openVaultFrom(context, options.from, { kind: 'owner', identity: owner });
  const { places, keyring } = vault;
  const found = await findSnapshots(places, keyring, null, context.signal);
  const snapshot = chooseSnapshot(found, options, vault.places.length);
  const input: RestoreInput = {
    places,
    keyring,
    snapshot,
    names: holderNames(found.snapshots),
    signal: context.signal,
  };
  const plan = await planRestore(input);
  const warnings = [...placeWarnings(vault), ...gapWarnings(found)];
  const problems = [...keyring.problems, ...found.problems, ...plan.problems].map(finding);
  if (options.dryRun) for (const warning of warnings) options.warn?.(warning);
  const archived = { wait: options.wait ?? false, progress: context.progress };
  if (part !== null) {
    yield* restorePart(context, part, {
      input,
      plan,
      archived,
      findings: [...lostStripes(plan), ...problems],
      warnings,
    });
    return;
  }
  if (plan.loss !== null && !options.dryRun) throw plan.loss;
  if (options.to === undefined) throw new ValenceError('usage/invalid', 'a restore needs a place to go to');
  await using target = await openRestoreTarget(context, options.to, { snapshot, plan });
  yield planEvent(plan, snapshot, { target, findings: [...absentHolders(plan), ...problems], resumed: target.resumed });
  if (options.dryRun) return;
  const done = target.resumed
    ? await resume(target)
    : await withArchives({ input, plan, archived }, () => fill(context, target, input, plan));
  const orphansFile = await writeOrphans(done.orphanEdges, snapshot, target);
  const counts = countRows(plan.body.trees.map((tree) => tree.summary));
  const root = toHex(plan.body.contentRoot);
  const to = target.location;
  yield { type: 'queryable', to, counts, root };
  yield* buildIndexes(context, await target.open(), languageOf(plan));
  const damage = done.problems.map(({ location, object, kind }) => `${object} is ${kind} at ${location}`);
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
function chooseSnapshot(found: SnapshotsFound, { snapshot, tier }: RestoreOptions, places: number): Snapshot {
  if (found.snapshots.length === 0 && found.broken[0] !== undefined) throw found.broken[0].error;
  const chosen = pickSnapshot(found, snapshot, tier ?? null);
  if (snapshot !== 'latest') return chosen;
  const hint = `name more locations, or the snapshot you want: --snapshot ${toHex(chosen.manifest.digest).slice(0, 12)}`;
  const broken = found.broken.find(
    (candidate) => isWidelyListed(candidate.name, places) && mayBeNewer(candidate, chosen, found, tier),
  );
  if (broken !== undefined) {
    const { code, message, context } = broken.error;
    throw new ValenceError(code, message, { hint, context, cause: broken.error });
  }
  const gap = findChainBreaks(found.snapshots, found.broken).find(
    ({ tier: of, kind }) => of === chosen.manifest.header.tier && kind === 'missing',
  );
  if (gap === undefined) return chosen;
  throw new ValenceError('integrity/chain-broken', gap.detail, { hint, context: { digest: toHex(gap.digest) } });
}

/** Whether a damaged snapshot may hold what came after the chosen one; where no tier was asked for, in any tier. */
function mayBeNewer(
  { name, foreign }: BrokenSnapshot,
  chosen: Snapshot,
  found: SnapshotsFound,
  tier: string | undefined,
): boolean {
  const { header } = chosen.manifest;
  if (foreign) return false;
  if (name.tier === header.tier) return name.sequence >= header.sequence;
  if (
    tier !== undefined ||
    chosen.summary.heads.some((head) => head.tier === name.tier && head.sequence >= name.sequence)
  )
    return false;
  return !found.snapshots.some(
    ({ manifest }) => manifest.header.tier === name.tier && manifest.header.sequence > name.sequence,
  );
}

function gapWarnings(found: SnapshotsFound): string[] {
  return [
    ...findChainBreaks(found.snapshots, found.broken).map(({ detail }) => detail),
    ...found.broken.map(({ error }) => error.message),
  ];
}

interface PlanFacts {
  readonly target: RestoreTarget;
  readonly findings: readonly VerificationFinding[];
  readonly resumed: boolean;
}

function planEvent(plan: PipelinePlan, snapshot: Snapshot, { target, findings, resumed }: PlanFacts): RestorePlan {
  const { stripes, bytesToRead } = plan;
  const restorable = plan.loss === null;
  return {
    type: 'plan',
    snapshot: snapshotRecord(snapshot),
    to: target.location,
    stripes,
    bytesToRead,
    restorable,
    findings,
    resumed,
  };
}

/** What is there was found to be the whole snapshot, even if it came as a part. */
async function resume(target: RestoreTarget): ReturnType<typeof restore> {
  await (await target.open()).transaction({}, (session) => markPart(session, null));
  return { orphanEdges: [], problems: [] };
}

async function fill(
  context: AppContext,
  target: RestoreTarget,
  input: RestoreInput,
  plan: PipelinePlan,
): ReturnType<typeof restore> {
  const done = await restore(
    input,
    plan,
    snapshotSinkInto(await target.open(), { signal: context.signal }),
    context.progress,
  );
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

/** What its owner searches it in. */
function languageOf(plan: PipelinePlan): string {
  const text = configurationOf(plan);
  return text === null ? LANGUAGE_DEFAULT : configFromSnapshot(text).search.language;
}

async function writeOrphans(
  edges: readonly Readonly<Record<string, unknown>>[],
  snapshot: Snapshot,
  target: RestoreTarget,
): Promise<string | null> {
  if (edges.length === 0) return null;
  const folder = target.folder ?? resolve('.');
  const path = join(folder, `orphans-${toHex(snapshot.manifest.digest).slice(0, 12)}.jsonl`);
  await writeFileDurably(path, Buffer.from(edges.map((edge) => `${JSON.stringify(edge)}\n`).join('')), { mode: 0o600 });
  return path;
}

const CONDITIONS: Readonly<Record<ObjectProblem['kind'], string>> = {
  missing: 'it should be here and is not',
  corrupt: 'this copy is damaged',
  unavailable: 'it cannot be read here',
  archived: 'it lies in an archive and was asked for',
};

function finding({ location, object, kind }: ObjectProblem): VerificationFinding {
  return { kind: `object-${kind}`, severity: 'warning', location, object, detail: CONDITIONS[kind] };
}

/** What a snapshot as a whole lacks need not be missing from a part of it. */
function lostStripes({ loss, holders }: PipelinePlan): VerificationFinding[] {
  if (loss === null) return [];
  const detail = 'some of the snapshot cannot be read from these locations; a part that does not need it can';
  return [
    {
      kind: 'stripes-lost',
      severity: 'warning',
      location: holders.absent.join(', ') || 'several places',
      object: null,
      detail,
    },
  ];
}

/** Two of five places lost are what the code is for, and no reason to worry whoever restores from the other three. */
function absentHolders({ holders, loss }: PipelinePlan): VerificationFinding[] {
  const { all, absent } = holders;
  if (absent.length === 0) return [];
  const verb = absent.length === 1 ? 'was' : 'were';
  const need = loss === null ? 'not needed' : 'needed';
  const detail = `${absent.length} of ${all.length} holders ${verb} not named or not reached, and ${absent.length === 1 ? 'is' : 'are'} ${need}`;
  return [
    {
      kind: 'holder-absent',
      severity: loss === null ? 'info' : 'error',
      location: absent.join(', '),
      object: null,
      detail,
    },
  ];
}
