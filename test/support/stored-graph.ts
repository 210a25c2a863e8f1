import { uuidText } from '../../src/core/ids.ts';
import type { TreeId } from '../../src/core/ports.ts';
import { TREES } from '../../src/format/tables.ts';
import type { TreeName } from '../../src/format/tables.ts';
import { openPartial } from '../../src/pipeline/partial-restore.ts';
import type { PartialRestore, PartialRestoreOptions } from '../../src/pipeline/partial-restore.ts';
import type { WritableHolder } from '../../src/pipeline/holders.ts';
import { Presence } from '../../src/vault/presence.ts';
import { seededRandom } from './seeded-random.ts';
import { storeTrees } from './stored-trees.ts';
import type { StoredTrees, TreeToStore } from './stored-trees.ts';
import { holders, MASK_KEY, placesOf } from './tier-fixture.ts';
import { BOUNDARY_KEY, filler, keyOf, layout, readBatches, row, tuplesOf } from './tree-fixture.ts';

/** Of `CONTENT_IDS`. */
const CONTENT_ID_KEY = seededRandom('content id key').bytes(32);

/** Small graphs, stored as a snapshot is, and which of their rows belong to a part by a search without any tree. */

export interface GraphEdge {
  readonly source: number;
  readonly target: number;
  readonly type: string;
}

/** Rows by number; a number that names no belief, source or model makes a row that refers to nothing. */
export interface Graph {
  readonly beliefs: readonly number[];
  readonly edges: readonly GraphEdge[];
  /** How many versions a belief has. */
  readonly versions?: readonly (readonly [belief: number, count: number])[];
  readonly sources?: readonly number[];
  readonly beliefSources?: readonly (readonly [belief: number, source: number])[];
  readonly models?: readonly number[];
  readonly embeddings?: readonly (readonly [model: number, belief: number])[];
  /** Bytes of a row beside its key. */
  readonly rowBytes?: number;
  readonly embeddingBytes?: number;
  readonly contentBytes?: ReadonlyMap<number, number>;
}

/** Ids are spread over the whole range, in an order that is not that of the numbers; 0 is the least, 1 the greatest. */
export function idOf(number: number): Buffer {
  if (number <= 1) return Buffer.alloc(16, number === 0 ? 0 : 255);
  return keyOf(`id ${number}`, 16);
}

export function beliefText(number: number): string {
  return uuidText(idOf(number));
}

interface KeyedRow {
  readonly key: Buffer;
  readonly tuple: Uint8Array;
  /** Beliefs and sources without which it must not stay. */
  readonly beliefs: readonly number[];
  readonly source?: number | undefined;
}

type RowsByTree = readonly { readonly id: TreeId; readonly rows: readonly KeyedRow[] }[];

const text16 = (text: string): Buffer => Buffer.concat([Buffer.from(text), Buffer.alloc(16 - text.length)]);

function int4(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

const made = new WeakMap<Graph, RowsByTree>();

/** All rows of all trees, each tree in key order. */
function rowsOf(graph: Graph): RowsByTree {
  const known = made.get(graph);
  if (known !== undefined) return known;
  const rows = makeRows(graph);
  made.set(graph, rows);
  return rows;
}

function makeRows(graph: Graph): RowsByTree {
  const { rowBytes = 60, embeddingBytes = 64, contentBytes = new Map<number, number>() } = graph;
  const keyed = (
    name: TreeName,
    key: Buffer,
    beliefs: readonly number[],
    more: Partial<KeyedRow> & { bytes?: number } = {},
  ): KeyedRow => {
    const value = filler(`${name} ${key.toString('hex')}`, more.bytes ?? rowBytes);
    return { key, tuple: row(layout(name), key, value), beliefs, source: more.source };
  };
  const edgeKey = (edge: GraphEdge, from: number, to: number): Buffer =>
    Buffer.concat([
      idOf(from),
      text16(edge.type),
      idOf(to),
      keyOf(`edge ${edge.source} ${edge.type} ${edge.target}`, 16),
    ]);
  const tables: Readonly<Record<Exclude<TreeName, 'belief_embeddings'>, KeyedRow[]>> = {
    beliefs: graph.beliefs.map((belief) =>
      keyed('beliefs', idOf(belief), [belief], { bytes: contentBytes.get(belief) ?? rowBytes }),
    ),
    belief_versions: (graph.versions ?? []).flatMap(([belief, count]) =>
      Array.from({ length: count }, (_, i) =>
        keyed('belief_versions', Buffer.concat([idOf(belief), int4(i + 1)]), [belief]),
      ),
    ),
    sources: (graph.sources ?? []).map((source) => keyed('sources', idOf(source), [], { source })),
    belief_sources: (graph.beliefSources ?? []).map(([belief, source]) =>
      keyed('belief_sources', Buffer.concat([idOf(belief), idOf(source)]), [belief], { source }),
    ),
    belief_edges: graph.edges.map((edge) =>
      keyed('belief_edges', edgeKey(edge, edge.source, edge.target), [edge.source, edge.target]),
    ),
    belief_edges_reverse: graph.edges.map((edge) =>
      keyed('belief_edges_reverse', edgeKey(edge, edge.target, edge.source), [edge.source, edge.target]),
    ),
    models: (graph.models ?? []).map((model) => keyed('models', idOf(model), [])),
  };
  const models = (graph.models ?? []).map((model) => ({ model, modelId: uuidText(idOf(model)) }));
  models.sort((a, b) => (a.modelId < b.modelId ? -1 : 1));
  return TREES.flatMap(({ name }): RowsByTree => {
    if (name !== 'belief_embeddings') return [{ id: { name }, rows: inOrder(tables[name]) }];
    return models.map(({ model, modelId }) => {
      const own = (graph.embeddings ?? []).filter(([of]) => of === model);
      const rows = own.map(([, belief]) => keyed(name, idOf(belief), [belief], { bytes: embeddingBytes }));
      return { id: { name, modelId }, rows: inOrder(rows) };
    });
  });
}

const inOrder = (rows: readonly KeyedRow[]): KeyedRow[] => rows.toSorted((a, b) => Buffer.compare(a.key, b.key));

/** A tree and, in key order, its rows in hexadecimal. */
export interface ExpectedTree {
  readonly id: TreeId;
  readonly rows: readonly string[];
}

/** The rows of a part, found by looking at every edge and every row. */
export function expectedPart(graph: Graph, beliefs: readonly number[], hops: number): ExpectedTree[] {
  const held = new Set(graph.beliefs);
  const reached = new Set(beliefs.filter((belief) => held.has(belief)));
  for (let hop = 0; hop < hops; hop += 1) {
    const before = new Set(reached);
    for (const { source, target } of graph.edges) {
      if (before.has(source) && held.has(target)) reached.add(target);
      if (before.has(target) && held.has(source)) reached.add(source);
    }
  }
  const heldSources = new Set(graph.sources ?? []);
  const named = (graph.beliefSources ?? []).filter(
    ([belief, source]) => reached.has(belief) && heldSources.has(source),
  );
  const sources = new Set(named.map(([, source]) => source));
  const belongs = (of: KeyedRow): boolean =>
    of.beliefs.every((belief) => reached.has(belief)) && (of.source === undefined || sources.has(of.source));
  return rowsOf(graph)
    .filter(({ id }) => id.name !== 'belief_edges_reverse')
    .map(({ id, rows }) => ({ id, rows: rows.filter(belongs).map(({ tuple }) => Buffer.from(tuple).toString('hex')) }));
}

export interface StoredGraph extends StoredTrees {
  readonly among: readonly WritableHolder[];
  open(options: PartialRestoreOptions, signal?: AbortSignal): Promise<PartialRestore>;
}

/** The graph as a snapshot over `n` holders in memory. */
export async function storeGraph(
  graph: Graph,
  { k = 2, n = 3, packBytes = 500_000 }: { k?: number; n?: number; packBytes?: number } = {},
  among: readonly WritableHolder[] = holders(n),
): Promise<StoredGraph> {
  const trees = rowsOf(graph).map(({ id, rows }): TreeToStore => {
    const modelId = id.modelId === undefined ? {} : { modelId: Buffer.from(id.modelId.replaceAll('-', ''), 'hex') };
    return { layout: layout(id.name as TreeName), ...modelId, rows: rows.map(({ tuple }) => tuple) };
  });
  const stored = await storeTrees(among, trees, { k, packBytes });
  const places = placesOf(among);
  const body = { contentRoot: Buffer.alloc(32), schemaVersion: 1, trees: stored.trees, configuration: '' };
  const key = Buffer.alloc(32);
  const secrets = { contentIdKey: CONTENT_ID_KEY, boundaryKey: BOUNDARY_KEY, indexKey: key, maskKey: MASK_KEY };
  const open: StoredGraph['open'] = async (options, signal) => {
    const presence = await Presence.load(places);
    return openPartial({ places, signal }, { body, secrets, index: stored.index, presence }, options);
  };
  return { ...stored, among, open };
}

/** What a part gives out, as `expectedPart` says it. */
export async function readPart(part: PartialRestore): Promise<ExpectedTree[]> {
  const trees: ExpectedTree[] = [];
  for (const id of part.trees) {
    const pieces = await Array.fromAsync(part.rows(id));
    trees.push({ id, rows: tuplesOf(readBatches(layout(id.name as TreeName), pieces)) });
  }
  return trees;
}
