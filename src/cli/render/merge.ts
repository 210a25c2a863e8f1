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
    ...(plan.nothingToDo ? ['nothing to do'] : []),
  ].join('\n');
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
  const rows = [
    `${formatCount(sum(merged.inserted))} inserted`,
    `${formatCount(sum(merged.overwritten))} overwritten`,
    `${formatCount(sum(merged.left))} left`,
  ];
  return [`merged     ${merged.to}: ${rows.join(', ')}`, ...merged.warnings].join('\n');
}
