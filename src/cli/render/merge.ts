import type { MergeConflict, MergeDone, MergePlanned } from '../../app/backup-calls.ts';
import { formatCount, plural, table } from '../figures.ts';

export const MERGE_JSON: readonly string[] = [
  '{"type":"merge-plan","to","overwrite","tables":{table:{"new","same","conflicting","left"}},"conflicts":[{"table","id","columns":[…],"outcome":"left|overwritten","reason"}],"superseded":[ID…],"nothingToDo"}',
  '{"type":"merged","snapshot","to","inserted":{table:rows},"overwritten":{…},"left":{…},"warnings":[…]}',
];

/** Rows a table, every conflict, and what else changes; without a last line feed. */
export function describeMergePlan(plan: MergePlanned): string {
  const rows = Object.entries(plan.tables).map(([name, counts]) => [
    `  ${name}`,
    ...[counts.new, counts.same, counts.conflicting, counts.left].map((count) => formatCount(count).padStart(9)),
  ]);
  const headings = ['  TABLE', ...['NEW', 'SAME', 'CONFLICT', 'LEFT OUT'].map((heading) => heading.padStart(9))];
  return [
    `merge into ${plan.to}`,
    table([headings, ...rows]),
    ...plan.conflicts.map(conflictLine),
    ...plan.superseded.map((id) => `  becomes superseded: ${id}`),
    ...conflictsThatStay(plan),
    ...(plan.nothingToDo && plan.conflicts.length === 0 ? ['nothing to do'] : []),
  ].join('\n');
}

function conflictsThatStay({ conflicts, overwrite }: MergePlanned): string[] {
  const staying = conflicts.filter(({ outcome }) => outcome === 'left');
  if (staying.length === 0) return [];
  const stay = `${plural(staying.length, 'conflict')} ${staying.length === 1 ? 'stays as it is' : 'stay as they are'} here`;
  const isEasy = !overwrite && staying.some(({ reason }) => reason === null);
  return [isEasy ? `${stay}; --overwrite takes what the snapshot says` : stay];
}

function conflictLine({ table: name, id, columns, outcome, reason }: MergeConflict): string {
  const why = reason === null ? '' : `: ${reason}`;
  return `  conflict, ${outcome}: ${name} ${id} (${columns.join(', ')})${why}`;
}

/** What a merge is about to do, as a question. */
export function mergeQuestion(plan: MergePlanned): string {
  const arriving = Object.values(plan.tables).reduce((sum, counts) => sum + counts.new, 0);
  const decided = plan.conflicts.filter(({ outcome }) => outcome === 'overwritten').length;
  const overwriting = decided === 0 ? '' : ` and overwrite ${formatCount(decided)}`;
  return `Insert ${plural(arriving, 'row')}${overwriting} in ${plan.to}?`;
}

export function describeMerged(merged: MergeDone): string {
  const sum = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((a, b) => a + b, 0);
  const [inserted, overwritten, left] = [sum(merged.inserted), sum(merged.overwritten), sum(merged.left)];
  const leftOut = `${formatCount(left)} not taken`;
  const rows = `${formatCount(inserted)} inserted, ${formatCount(overwritten)} overwritten, ${leftOut}`;
  const line =
    inserted + overwritten > 0
      ? `merged     ${merged.to}: ${rows}`
      : `unchanged  ${merged.to}${left === 0 ? '' : `: ${leftOut}`}`;
  return [line, ...merged.warnings].join('\n');
}
