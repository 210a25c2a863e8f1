/** What a part of the graph can be written as. */
export const GRAPH_FORMATS = ['json', 'graphml', 'dot', 'svg', 'cypher'] as const;
export type GraphFormat = (typeof GRAPH_FORMATS)[number];
