import type { Edge, Supersession, SupersedingBelief } from '../../app/graph-calls.ts';
import { plural } from '../figures.ts';
import { beliefLine } from './belief.ts';
import { stoppedLines } from './stopped.ts';

/** The newest first; where branches part or meet, the edges there. */
export function describeSupersession({ beliefs, edges, stopped }: Supersession): string {
  const [above, below] = [Map.groupBy(edges, ({ target }) => target), Map.groupBy(edges, ({ source }) => source)];
  const current = beliefs.filter((belief) => belief.current).length;
  return [
    ...beliefs.flatMap((belief) => [
      `${place(belief).padEnd(10)}  ${beliefLine(belief)}`,
      ...branch('superseded by', above.get(belief.id), ({ source }) => source),
      ...branch('supersedes', below.get(belief.id), ({ target }) => target),
    ]),
    `${plural(beliefs.length, 'version')}, ${current} of them current`,
    ...stoppedLines(stopped),
  ].join('\n');
}

function place({ relation, hops, current }: SupersedingBelief): string {
  if (current) return relation === 'itself' ? 'current, it' : 'current';
  return relation === 'itself' ? 'it' : `${relation} ${hops}`;
}

function branch(name: string, edges: readonly Edge[] = [], end: (edge: Edge) => string): readonly string[] {
  return edges.length < 2 ? [] : edges.map((edge) => `            ${name} ${end(edge)}`);
}
