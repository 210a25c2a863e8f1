import type { SnapshotRecord, VerificationFinding } from '../../app/backup-calls.ts';
import { formatBytes, formatCount, plural } from '../figures.ts';

/** Enough of a digest to name a snapshot among a million. */
const SHORT_ID_LENGTH = 12;

export const SNAPSHOT_JSON =
  '{"type":"snapshot","id","sequence","tier","createdAt","root","counts":{table:rows},"logicalBytes","newBytes","storedBytes","survives","degraded","notes":[…],"scan"?:"everything"|"changes"}';

/** One snapshot in a few lines. */
export function describeSnapshot(snapshot: SnapshotRecord): string {
  const { beliefs = 0, belief_edges: edges = 0 } = snapshot.counts;
  const lines = [
    `${snapshot.tier} #${snapshot.sequence}  ${shortId(snapshot.id)}  ${snapshot.createdAt}`,
    `  ${plural(beliefs, 'belief')}, ${plural(edges, 'edge')}, ${formatBytes(snapshot.logicalBytes)} in all`,
    `  new: ${formatBytes(snapshot.newBytes)}, stored on all backends: ${formatBytes(snapshot.storedBytes)}`,
    `  ${survival(snapshot)}`,
  ];
  return [...lines, ...snapshot.notes.map((note) => `  ${note}`)].join('\n');
}

/** Headings of `snapshotRow`. */
export const SNAPSHOT_HEADINGS: readonly string[] = [
  'TIER',
  '#',
  'ID',
  'CREATED',
  'BELIEFS',
  'NEW',
  'STORED',
  'SURVIVES',
];

export function snapshotRow(snapshot: SnapshotRecord): readonly string[] {
  return [
    snapshot.tier,
    String(snapshot.sequence),
    shortId(snapshot.id),
    snapshot.createdAt,
    formatCount(snapshot.counts['beliefs'] ?? 0),
    formatBytes(snapshot.newBytes),
    formatBytes(snapshot.storedBytes),
    `${snapshot.survives}${snapshot.degraded ? ' degraded' : ''}`,
  ];
}

/** Every table and its rows, one a line. */
export function describeCounts(counts: Readonly<Record<string, number>>): string[] {
  return Object.entries(counts).map(([table, rows]) => `  ${table.padEnd(18)} ${formatCount(rows).padStart(12)}`);
}

/** One line each; more than `FINDINGS_ALONE_MAX` objects of which the same is said at one place share one, with their number. */
export function describeFindings(findings: readonly VerificationFinding[]): string[] {
  const alike = Map.groupBy(findings, ({ kind, severity, location }) => `${severity} ${kind} ${location}`);
  return [...alike.values()].flatMap((group) => {
    const objects = group.filter(({ object }) => object !== null);
    return objects.length > FINDINGS_ALONE_MAX ? [summed(group, objects.length)] : group.map(describeFinding);
  });
}

const FINDINGS_ALONE_MAX = 3;

function summed(group: readonly VerificationFinding[], objects: number): string {
  const { severity, kind, location } = group[0]!;
  const details = [...new Set(group.map(({ detail }) => detail))];
  return `  ${severity}: ${kind} at ${location}, ${plural(objects, 'object')}: ${details.join('; ')}`;
}

function describeFinding(finding: VerificationFinding): string {
  const object = finding.object === null ? '' : ` ${finding.object}`;
  return `  ${finding.severity}: ${finding.kind} at ${finding.location}${object}: ${finding.detail}`;
}

export function shortId(id: string): string {
  return id.slice(0, SHORT_ID_LENGTH);
}

function survival({ survives, degraded }: SnapshotRecord): string {
  const promise =
    survives === 0 ? 'survives no loss' : `survives the loss of any ${plural(survives, 'failure domain')}`;
  return degraded ? `degraded: ${promise}, less than the tier promises` : promise;
}
