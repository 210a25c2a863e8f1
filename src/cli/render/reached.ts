import type { Neighbors, ReachedBelief, Subgraph } from '../../app/graph-calls.ts';
import { plural } from '../figures.ts';
import { beliefLine } from './belief.ts';
import { edgeLine } from './edge.ts';
import { stoppedLines } from './stopped.ts';
import { describeWalked } from './walked.ts';

export function describeNeighbors(found: Neighbors): string {
  return [
    beliefLine(found.belief),
    ...found.beliefs.map(reachedLine),
    `${plural(found.beliefs.length, 'belief')} within ${plural(found.hops, 'hop')}; walked: ${describeWalked(found)}`,
    ...stoppedLines(found.stopped),
  ].join('\n');
}

export function describeSubgraph(found: Subgraph): string {
  const counted = `${plural(found.beliefs.length, 'belief')}, ${plural(found.edges.length, 'edge')}`;
  return [
    ...found.beliefs.map(reachedLine),
    ...found.edges.map(edgeLine),
    `${counted} within ${plural(found.hops, 'hop')}; walked: ${describeWalked(found)}`,
    ...stoppedLines(found.stopped),
  ].join('\n');
}

function reachedLine(belief: ReachedBelief): string {
  return `${String(belief.hops).padStart(3)}  ${beliefLine(belief)}`;
}
