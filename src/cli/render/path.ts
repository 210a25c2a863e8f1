import type { Path, PathSearch } from '../../app/graph-calls.ts';
import { plural } from '../figures.ts';
import { beliefLine } from './belief.ts';
import { stoppedLines } from './stopped.ts';
import { describeWalked } from './walked.ts';

/** Significant digits of a strength. */
const DIGITS = 3;

export function describePaths(search: PathSearch): string {
  const walkedOver = `walked: ${describeWalked(search)}`;
  if (search.outcome === 'none') return `no path\n${walkedOver}`;
  if (search.outcome === 'limit') return ['no path found', walkedOver, ...stoppedLines(search.stopped)].join('\n');
  return [
    ...search.paths.flatMap((path) => [describePath(path), '']),
    walkedOver,
    ...stoppedLines(search.stopped),
  ].join('\n');
}

/** The beliefs along the way, with what joins them between. */
function describePath({ beliefs, edges, hops, strength, polarity }: Path): string {
  const lines = beliefs.flatMap((belief, index) => {
    const edge = edges[index - 1];
    const arrow = edge?.source === belief.id ? '↑' : '↓';
    return [...(edge === undefined ? [] : [`  ${arrow} ${edge.edge_type} (${edge.weight})`]), beliefLine(belief)];
  });
  const figures = [plural(hops, 'hop'), `strength ${Number(strength.toPrecision(DIGITS))}`, polarity];
  return [...lines, figures.join(', ')].join('\n');
}
