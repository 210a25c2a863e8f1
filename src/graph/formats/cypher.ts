import type { Belief, Edge } from '../records/belief-records.ts';
import { cypherMap, float } from './cypher-literal.ts';
import type { CypherValue } from './cypher-literal.ts';
import { ordered } from './graph-part.ts';
import type { GraphPart } from './graph-part.ts';

/**
 * Cypher that adds these beliefs and edges to a graph, or brings those with the same ids up to date: one statement a
 * line, comments first, in the dialect that Neo4j, Memgraph and Apache AGE share. A belief is a node `:Belief`, an edge a relationship such as
 * `:SUPPORTS`; both have their `id`. Metadata and dimensions are JSON in a string, for properties cannot be nested.
 *
 * One record a statement, and relationships in two: of AGE's MERGE, what follows a list (UNWIND) makes duplicates and
 * what a SET adds to a new relationship is lost. No literal has a line feed or `$` in it, so that a line can be put into
 * AGE's `cypher('…', $$ … $$)` as it is, without its semicolon.
 */
export function* cypher(part: GraphPart): Generator<string, void, undefined> {
  const { beliefs, edges } = ordered(part);
  yield `// beliefs: ${beliefs.length}, edges: ${edges.length}. Where there are many, first make an index on Belief(id).`;
  for (const belief of beliefs)
    yield `MERGE (b:Belief ${idOf(belief.id)}) SET b += ${cypherMap(beliefProperties(belief))};`;
  for (const edge of edges) yield* edgeStatements(edge);
}

function* edgeStatements(edge: Edge): Generator<string, void, undefined> {
  const [source, target] = [idOf(edge.source), idOf(edge.target)];
  const relationship = `${edge.edge_type.toUpperCase()} ${idOf(edge.id)}`;
  yield `MATCH (a:Belief ${source}), (b:Belief ${target}) MERGE (a)-[:${relationship}]->(b);`;
  yield `MATCH (:Belief ${source})-[r:${relationship}]->(:Belief ${target}) SET r += ${cypherMap(edgeProperties(edge))};`;
}

function idOf(id: string): string {
  return cypherMap({ id });
}

function beliefProperties(belief: Belief): Readonly<Record<string, CypherValue>> {
  return {
    content: belief.content,
    confidence: float(belief.confidence),
    status: belief.status,
    domains: belief.domains,
    dimensions: belief.dimensions === null ? null : JSON.stringify(belief.dimensions),
    valid_from: belief.valid_from,
    valid_until: belief.valid_until,
    metadata: JSON.stringify(belief.metadata),
    version: belief.version,
    created_at: belief.created_at,
    updated_at: belief.updated_at,
  };
}

function edgeProperties(edge: Edge): Readonly<Record<string, CypherValue>> {
  return {
    weight: float(edge.weight),
    valid_from: edge.valid_from,
    valid_until: edge.valid_until,
    retired_at: edge.retired_at,
    metadata: JSON.stringify(edge.metadata),
    created_at: edge.created_at,
  };
}
