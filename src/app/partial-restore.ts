import { toHex } from '../core/bytes.ts';
import { ValenceError, invariant } from '../core/errors.ts';
import { isUuid } from '../core/ids.ts';
import { exportLines } from '../graph/lines/export.ts';
import { mergeInto } from '../graph/merge/merge.ts';
import type { Merged } from '../graph/merge/merge.ts';
import { snapshotSinkInto } from '../graph/snapshot/snapshot-sink.ts';
import { openPartial } from '../pipeline/partial-restore.ts';
import type { PartialRestore, PartialRestored } from '../pipeline/partial-restore.ts';
import type { RestoreInput, RestorePlan } from '../pipeline/restore.ts';
import type { WhenArchived } from '../vault/warming.ts';
import type { Database } from '../schema/database.ts';
import { openDatabase } from '../schema/open-database.ts';
import type { PartOf } from '../schema/part-mark.ts';
import { HOPS_MAX } from './partial-restore-calls.ts';
import type { LinesTarget, MergePlanned, PartOptions } from './partial-restore-calls.ts';
import type { RestoreEvent, RestoreOptions, VerificationFinding } from './backup-calls.ts';
import type { AppContext } from './context.ts';
import { handedOut } from './handed-out.ts';
import { openRestoreTarget } from './restore-target.ts';
import { buildIndexes } from './restored-indexes.ts';
import { snapshotRecord } from './snapshot-record.ts';

/** `backup restore` of some beliefs and what belongs to them: into an empty place, as lines, or merged into what is there. */

/** A snapshot that is opened, and what there is to say of it. */
export interface OpenedSnapshot {
  readonly input: RestoreInput;
  readonly plan: RestorePlan;
  readonly archived: WhenArchived;
  readonly findings: readonly VerificationFinding[];
  readonly warnings: readonly string[];
}

type PartTarget =
  | { readonly kind: 'place'; readonly to: string }
  | { readonly kind: 'lines'; readonly lines: LinesTarget }
  | { readonly kind: 'merge'; readonly database: Database; readonly overwrite: boolean };

/** A part that is asked for, and where it goes. */
export interface PartRequest {
  readonly beliefs: readonly string[];
  readonly hops: number;
  readonly target: PartTarget;
  readonly dryRun: boolean;
}

/**
 * Looks at what is asked for before anything is read, and opens the database of a merge.
 * @throws `usage/invalid`; for a merge `config/no-home`, `home/locked`, `database/*`
 */
export async function openPartRequest(
  context: AppContext,
  { to, dryRun }: Pick<RestoreOptions, 'to' | 'dryRun'>,
  { beliefs, hops, lines, merge }: PartOptions,
): Promise<PartRequest> {
  const targets = [to, lines, merge].filter((target) => target !== undefined);
  if (targets.length !== 1) throw usage('a part of a snapshot needs one place to go to: to, lines or merge');
  if (!Number.isInteger(hops) || hops < 0 || hops > HOPS_MAX) {
    throw usage(`hops is a whole number from 0 to ${HOPS_MAX}, not ${hops}`);
  }
  if (beliefs.length === 0) throw usage('a part of a snapshot needs at least one belief');
  const wrong = beliefs.find((id) => !isUuid(id));
  if (wrong !== undefined) throw usage(`${wrong.slice(0, 64)} is no id of a belief: ids are given in full`);
  const wanted = { beliefs: [...new Set(beliefs.map((id) => id.toLowerCase()))], hops, dryRun };
  if (to !== undefined) return { ...wanted, target: { kind: 'place', to } };
  if (lines !== undefined) return { ...wanted, target: { kind: 'lines', lines } };
  const overwrite = merge?.overwrite === true;
  return { ...wanted, target: { kind: 'merge', database: await context.database(), overwrite } };
}

function usage(message: string): ValenceError {
  return new ValenceError('usage/invalid', message);
}

/** Yields what `BackupCalls.restore` says of a part. */
export function restorePart(
  context: AppContext,
  request: PartRequest,
  opened: OpenedSnapshot,
): AsyncGenerator<RestoreEvent, void, undefined> {
  const { target } = request;
  switch (target.kind) {
    case 'place':
      return intoPlace(context, target.to, request, opened);
    case 'lines':
      return asLines(context, target.lines, request, opened);
    case 'merge':
      return intoLive(context, target, request, opened);
  }
}

async function* intoPlace(
  context: AppContext,
  to: string,
  request: PartRequest,
  opened: OpenedSnapshot,
): AsyncGenerator<RestoreEvent, void, undefined> {
  await using target = await openRestoreTarget(context, to, null);
  const { location } = target;
  const part = await openPart(context, request, opened);
  yield await planOf(part, location, request, opened);
  if (request.dryRun) return;
  const { counts, problems } = await fill(context, await target.open(), { part, partOf: originOf(opened) });
  // Not the snapshot's configuration: a home with a part of the knowledge must not go on as the vault's writer.
  await target.publish(null);
  yield { type: 'queryable', to: location, counts, root: null };
  yield* buildIndexes(context, await target.open());
  const snapshot = idOf(opened);
  const warnings = [...opened.warnings, ...damage(problems)];
  yield { type: 'restored', snapshot, to: location, counts, root: null, orphanEdges: 0, orphansFile: null, warnings };
}

/** By way of a database in memory, so that the lines are those of an export. */
async function* asLines(
  context: AppContext,
  target: LinesTarget,
  request: PartRequest,
  opened: OpenedSnapshot,
): AsyncGenerator<RestoreEvent, void, undefined> {
  const part = await openPart(context, request, opened);
  yield await planOf(part, target.location, request, opened);
  if (request.dryRun) return;
  await using database = await openDatabase({ memory: true });
  const { counts, problems } = await fill(context, database, { part });
  const lines = await database.transaction({ mode: 'snapshot' }, (session) =>
    target.write(exportLines(session, { full: true, signal: context.signal })),
  );
  const warnings = [...opened.warnings, ...damage(problems)];
  yield { type: 'lines', snapshot: idOf(opened), to: target.location, lines, counts, warnings };
}

async function* intoLive(
  context: AppContext,
  { database, overwrite }: Extract<PartTarget, { kind: 'merge' }>,
  request: PartRequest,
  opened: OpenedSnapshot,
): AsyncGenerator<RestoreEvent, void, undefined> {
  const { signal, progress } = context;
  const to = database.location;
  const part = await openPart(context, request, opened);
  yield await planOf(part, to, request, opened);
  const outcome: { merged: Merged | null } = { merged: null };
  yield* handedOut<MergePlanned>(async (emit) => {
    outcome.merged = await mergeInto(database, {
      overwrite,
      signal,
      async fill(staging) {
        for (const tree of part.trees) {
          progress({ stage: `reading ${tree.name}` });
          await staging.load(tree, part.rows(tree));
        }
        progress({ stage: 'comparing with the database' });
      },
      async consent(plan) {
        await emit({ type: 'merge-plan', to, overwrite, ...plan });
        return !request.dryRun;
      },
    });
  });
  if (outcome.merged === null) return;
  const warnings = [...opened.warnings, ...damage(part.problems)];
  yield { type: 'merged', snapshot: idOf(opened), to, ...outcome.merged, warnings };
  yield* buildIndexes(context, database);
}

function openPart(
  { progress }: AppContext,
  { beliefs, hops }: PartRequest,
  { input, plan, archived }: OpenedSnapshot,
): Promise<PartialRestore> {
  progress({ stage: 'looking for what belongs to these beliefs' });
  return openPartial(input, plan, { beliefs, hops, archived });
}

async function planOf(
  part: PartialRestore,
  to: string,
  { hops, dryRun }: PartRequest,
  { input, plan, findings }: OpenedSnapshot,
): Promise<RestoreEvent> {
  // With stripes lost, only reading everything tells whether the part needs them.
  if (dryRun && plan.loss !== null) await readAll(part);
  const counts = dryRun ? await part.counts() : null;
  return { type: 'part', snapshot: snapshotRecord(input.snapshot), to, beliefs: part.beliefs, hops, counts, findings };
}

async function readAll(part: PartialRestore): Promise<void> {
  for (const tree of part.trees) {
    const pieces = part.rows(tree)[Symbol.asyncIterator]();
    while ((await pieces.next()).done !== true);
  }
}

interface Filling {
  readonly part: PartialRestore;
  /** What the database is marked with. */
  readonly partOf?: PartOf;
}

function fill(
  { signal, progress }: AppContext,
  database: Database,
  { part, partOf }: Filling,
): Promise<PartialRestored> {
  return snapshotSinkInto(database, { signal, partOf })(async (sink) => {
    const done = await part.load(sink, progress);
    invariant(done.orphanEdges.length === 0, 'a part of a snapshot has an edge without both ends');
    return done;
  });
}

function idOf({ input }: OpenedSnapshot): string {
  return toHex(input.snapshot.manifest.digest);
}

function originOf(opened: OpenedSnapshot): PartOf {
  const { vaultId, tier, sequence } = opened.input.snapshot.manifest.header;
  return { vaultId, tier, sequence, id: idOf(opened) };
}

/** One sentence for each object that was found damaged while it was read. */
function damage(problems: PartialRestore['problems']): string[] {
  return [...new Set(problems.map(({ location, object, kind }) => `${object} is ${kind} at ${location}`))];
}
