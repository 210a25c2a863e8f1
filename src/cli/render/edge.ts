import type { Edge, Neighbour, Neighbourhood, Path } from '../../app/graph-calls.ts';
import { plural } from '../figures.ts';
import { beliefLine } from './belief.ts';

export const EDGE_JSON =
  '{"type":"edge","id","source","target","edge_type","weight","valid_from","valid_until","retired_at","metadata","created_at"}';

export function edgeLine(edge: Edge): string {
  const retired = edge.retired_at === null ? '' : ' [retired]';
  return `${edge.id}  ${edge.source} ${edge.edge_type} ${edge.target}  weight ${edge.weight}${retired}`;
}

export function describeNeighbourhood({ belief, edges, complete }: Neighbourhood): string {
  const counted = plural(edges.length, 'edge');
  return [
    beliefLine(belief),
    ...edges.map(neighbourLine),
    complete ? counted : `${counted}, and more that are not shown`,
  ].join('\n');
}

/** The beliefs along the way, with what joins them between. */
export function describePath({ beliefs, edges, hops }: Path): string {
  const lines = beliefs.flatMap((belief, index) => {
    const edge = edges[index - 1];
    const step =
      edge === undefined ? [] : [`  ${edge.source === belief.id ? '↑' : '↓'} ${edge.edge_type} (${edge.weight})`];
    return [...step, beliefLine(belief)];
  });
  return [...lines, plural(hops, 'hop')].join('\n');
}

/** Indented by its distance. */
function neighbourLine({ direction, edge, belief, hops }: Neighbour): string {
  const arrow = direction === 'outgoing' ? '→' : '←';
  return `${'  '.repeat(hops)}${arrow} ${edge.edge_type} (${edge.weight})  ${beliefLine(belief)}`;
}
