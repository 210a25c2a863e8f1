import type { Edge } from '../../app/graph-calls.ts';

export const EDGE_JSON =
  '{"type":"edge","id","source","target","edge_type","weight","valid_from","valid_until","retired_at","metadata","created_at"}';

export function edgeLine(edge: Edge): string {
  const retired = edge.retired_at === null ? '' : ' [retired]';
  return `${edge.id}  ${edge.source} ${edge.edge_type} ${edge.target}  weight ${edge.weight}${retired}`;
}
