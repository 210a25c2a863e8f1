import type {
  LinesWritten,
  PartPlan,
  RestoreEvent,
  RestorePlan,
  RestoreQueryable,
  RestoreResult,
} from '../../app/backup-calls.ts';
import { formatBytes, plural } from '../figures.ts';
import { describeMerged, describeMergePlan, MERGE_JSON } from './merge.ts';
import { describeCounts, describeFindings, shortId } from './snapshot.ts';

export const RESTORE_JSON: readonly string[] = [
  '{"type":"plan","snapshot":{…},"to","stripes","bytesToRead","restorable","findings":[…],"resumed"}',
  '{"type":"part","snapshot":{…},"to","beliefs","hops","counts","findings":[…]}, with --beliefs instead of the plan',
  '{"type":"queryable","to","counts","root"}',
  '{"type":"index","model","language","state":"building|built|skipped"}, model or language being null',
  '{"type":"restored","snapshot","to","counts","root","orphanEdges","orphansFile","warnings":[…]}',
  '{"type":"lines","snapshot","to","lines","counts","warnings":[…]}, with --jsonl FILE; with - the lines themselves and nothing else',
  ...MERGE_JSON,
];

export interface RestoreKind {
  readonly dryRun: boolean;
  /** Its plan follows, counts what the part has, and ends a dry run. */
  readonly merge: boolean;
}

/** What a restore has to say, in a few lines. */
export function describeRestore(event: RestoreEvent, kind: RestoreKind): string {
  const { dryRun } = kind;
  switch (event.type) {
    case 'plan':
      return describePlan(event, dryRun);
    case 'part':
      return describePart(event, kind);
    case 'queryable':
      return describeQueryable(event);
    case 'index':
      return `${event.model === null ? `text index (${event.language})` : `vector index of ${event.model}`}: ${event.state}`;
    case 'restored':
      return describeResult(event);
    case 'lines':
      return describeLines(event);
    case 'merge-plan':
      return [describeMergePlan(event), ...(dryRun ? [DRY_RUN] : [])].join('\n');
    case 'merged':
      return describeMerged(event);
  }
}

const DRY_RUN = 'nothing was written (--dry-run)';

function describePlan(plan: RestorePlan, dryRun: boolean): string {
  const verdict = plan.restorable ? 'everything needed is there' : 'cannot be restored from these locations';
  return [
    snapshotLine(plan),
    `target     ${plan.to}${plan.resumed ? ', whose rows are already in place' : ''}`,
    `to read    ${plural(plan.stripes, 'stripe')}, ${formatBytes(plan.bytesToRead)}: ${verdict}`,
    ...describeFindings(plan.findings),
    ...(dryRun ? [DRY_RUN] : []),
  ].join('\n');
}

function describePart(part: PartPlan, { dryRun, merge }: RestoreKind): string {
  const within = part.hops === 0 ? '' : `, within ${plural(part.hops, 'hop')} of those named`;
  return [
    snapshotLine(part),
    `target     ${part.to}`,
    `part       ${plural(part.beliefs, 'belief')}${within}`,
    ...(part.counts === null || merge ? [] : describeCounts(part.counts)),
    ...describeFindings(part.findings),
    ...(dryRun && !merge ? [DRY_RUN] : []),
  ].join('\n');
}

function snapshotLine({ snapshot }: RestorePlan | PartPlan): string {
  return `snapshot   ${snapshot.tier} #${snapshot.sequence}  ${shortId(snapshot.id)}  ${snapshot.createdAt}`;
}

function describeQueryable({ to, counts, root }: RestoreQueryable): string {
  const comparison = root === null ? [] : [`root       ${root}, as in the manifest`];
  return [`queryable  ${to}`, ...describeCounts(counts), ...comparison].join('\n');
}

function describeResult(result: RestoreResult): string {
  const orphans = `${plural(result.orphanEdges, 'edge')} without both ends left out, listed in ${result.orphansFile}`;
  return [`restored   ${result.to}`, ...(result.orphanEdges === 0 ? [] : [orphans]), ...result.warnings].join('\n');
}

function describeLines({ lines, to, warnings }: LinesWritten): string {
  return [`wrote      ${plural(lines, 'line')} to ${to}`, ...warnings].join('\n');
}
