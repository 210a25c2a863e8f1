import type { Belief, Edge } from '../records/belief-records.ts';
import { ordered } from './graph-part.ts';
import type { GraphPart } from './graph-part.ts';
import { xmlText } from './xml-text.ts';

type Value = string | number | boolean | null;

interface Key<T> {
  readonly name: string;
  readonly type: 'string' | 'int' | 'double' | 'boolean';
  /** What is not there is left out. */
  readonly value: (of: T) => Value;
}

/** Lists and objects as JSON, for GraphML has neither. */
function beliefKeys(seeds: ReadonlySet<string>): readonly Key<Belief>[] {
  return [
    text('content', ({ content }) => content),
    { name: 'confidence', type: 'double', value: ({ confidence }) => confidence },
    text('status', ({ status }) => status),
    text('domains', ({ domains }) => JSON.stringify(domains)),
    text('dimensions', ({ dimensions }) => (dimensions === null ? null : JSON.stringify(dimensions))),
    text('valid_from', (belief) => belief.valid_from),
    text('valid_until', (belief) => belief.valid_until),
    text('metadata', ({ metadata }) => JSON.stringify(metadata)),
    { name: 'version', type: 'int', value: ({ version }) => version },
    text('created_at', (belief) => belief.created_at),
    text('updated_at', (belief) => belief.updated_at),
    { name: 'seed', type: 'boolean', value: ({ id }) => seeds.has(id) },
  ];
}

const EDGE_KEYS: readonly Key<Edge>[] = [
  text('edge_type', (edge) => edge.edge_type),
  { name: 'weight', type: 'double', value: ({ weight }) => weight },
  text('valid_from', (edge) => edge.valid_from),
  text('valid_until', (edge) => edge.valid_until),
  text('retired_at', (edge) => edge.retired_at),
  text('metadata', ({ metadata }) => JSON.stringify(metadata)),
  text('created_at', (edge) => edge.created_at),
];

const NAMESPACE = 'http://graphml.graphdrawing.org/xmlns';

/**
 * GraphML 1.0 (Brandes et al. 2002) with typed keys, a line a node or edge. All edges are directed, `contradicts` too, since most
 * readers refuse a graph of both kinds. Texts are whole, save for characters that XML cannot hold (`xmlText`).
 */
export function* graphml(part: GraphPart): Generator<string, void, undefined> {
  const { beliefs, edges, seeds } = ordered(part);
  const nodeKeys = beliefKeys(new Set(seeds));
  yield '<?xml version="1.0" encoding="UTF-8"?>';
  yield `<graphml xmlns="${NAMESPACE}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="${NAMESPACE} ${NAMESPACE}/1.0/graphml.xsd">`;
  yield* declarations(nodeKeys, 'node');
  yield* declarations(EDGE_KEYS, 'edge');
  yield '<graph id="valence" edgedefault="directed">';
  for (const belief of beliefs) yield `<node id="${xmlText(belief.id)}">${data(nodeKeys, 'node', belief)}</node>`;
  for (const edge of edges) {
    const ends = `source="${xmlText(edge.source)}" target="${xmlText(edge.target)}"`;
    yield `<edge id="${xmlText(edge.id)}" ${ends}>${data(EDGE_KEYS, 'edge', edge)}</edge>`;
  }
  yield '</graph>';
  yield '</graphml>';
}

function text<T>(name: string, value: (of: T) => string | null): Key<T> {
  return { name, type: 'string', value };
}

function* declarations<T>(keys: readonly Key<T>[], kind: 'node' | 'edge'): Generator<string, void, undefined> {
  for (const { name, type } of keys) {
    yield `<key id="${kind}_${name}" for="${kind}" attr.name="${name}" attr.type="${type}"/>`;
  }
}

function data<T>(keys: readonly Key<T>[], kind: 'node' | 'edge', of: T): string {
  const parts = keys.map(({ name, value }) => {
    const given = value(of);
    return given === null ? '' : `<data key="${kind}_${name}">${xmlText(String(given))}</data>`;
  });
  return parts.join('');
}
