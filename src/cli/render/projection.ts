import type { ProjectionReport, ProjectionStatus } from '../../app/graph-calls.ts';
import { plural } from '../figures.ts';

export const PROJECTION_JSON: readonly string[] = [
  '{"type":"projected","name","how":"built|updated|unchanged","was":"none|fresh|stale|unknown","reason","beliefs","edges","changed":{"beliefs","edges"}|null}',
  '{"type":"projection","name","state":"none|fresh|stale|unknown","reason","beliefs","edges","since","changed":{"beliefs","edges"}|null}',
  '{"type":"dropped","name","dropped"}',
];

/** How a projection stands beside the tables. */
export function describeProjection(status: ProjectionStatus): string {
  const { name, state, beliefs, edges, since, changed, reason } = status;
  if (state === 'none') return `no projection ${name}; \`valence graph project --age\` makes it`;
  const held = `${name}  ${counted({ beliefs: beliefs ?? 0, edges: edges ?? 0 })} of ${since}`;
  if (state === 'fresh') return `${held}\nfresh`;
  if (state === 'unknown') return `${held}\nunknown: ${reason}`;
  const many = changed === null ? 'more than can be told' : counted(changed);
  return `${held}\nstale: ${many} changed since ${since}`;
}

/** What was done, and why all of it where only a part had changed. */
export function describeReport(report: ProjectionReport): string {
  const { name, how, beliefs, edges, changed, reason } = report;
  const done =
    how === 'unchanged' ? 'was fresh' : changed === null ? 'built whole' : `updated: ${counted(changed)} had changed`;
  const why = reason === null ? '' : ` (${reason})`;
  return `${name}  ${counted({ beliefs, edges })}\n${done}${why}`;
}

function counted({ beliefs, edges }: { readonly beliefs: number; readonly edges: number }): string {
  return `${plural(beliefs, 'belief')} and ${plural(edges, 'edge')}`;
}
