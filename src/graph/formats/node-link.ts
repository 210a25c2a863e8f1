import { ordered } from './graph-part.ts';
import type { GraphPart } from './graph-part.ts';

/**
 * Node-link JSON, as D3's forces, NetworkX (`node_link_graph(data, edges="links")`) and most libraries in browsers read it; one node or
 * link a line. Nodes are beliefs and links edges with the fields that every query gives them; `source` and `target` name
 * nodes by id. Both are by id.
 */
export function* nodeLinkJson(part: GraphPart): Generator<string, void, undefined> {
  const { beliefs, edges, seeds } = ordered(part);
  yield `{"type":"graph","directed":true,"multigraph":true,"graph":${JSON.stringify({ seeds })},`;
  yield '"nodes":[';
  yield* list(beliefs);
  yield '],"links":[';
  yield* list(edges);
  yield ']}';
}

function* list(records: readonly object[]): Generator<string, void, undefined> {
  for (const [index, record] of records.entries()) {
    yield JSON.stringify(record) + (index < records.length - 1 ? ',' : '');
  }
}
