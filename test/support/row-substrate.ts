import { createHash } from 'node:crypto';
import { toHex, view } from '../../src/core/bytes.ts';
import { uuidBytes } from '../../src/core/ids.ts';
import { INLINE_VALUE_BYTES_MAX } from '../../src/core/limits.ts';
import type {
  KeyRange,
  SnapshotSink,
  SnapshotSource,
  TreeChanges,
  TreeId,
  WithSnapshotSink,
} from '../../src/core/ports.ts';
import { TupleReader } from '../../src/format/rows/copy-tuples.ts';
import { keyShape } from '../../src/format/rows/row-key.ts';
import { TREES } from '../../src/format/tables.ts';
import type { TreeLayout, TreeName } from '../../src/format/tables.ts';
import { copyStream, tuple } from '../vectors/copy-rows.ts';
import { filler, keyOf, layout, row } from './tree-fixture.ts';

/** A substrate without a database: rows that are a key and some bytes, and every state that they were ever in. */

const MODEL = '0190a5b6-0000-7000-8000-000000000001';

/** COPY tuples by key, in hexadecimal. */
type Rows = ReadonlyMap<string, Uint8Array>;

/** Rows by tree, those derived from others left out. */
export type RowState = ReadonlyMap<string, { readonly tree: TreeId; readonly rows: Rows }>;

export type StoredTable = Exclude<TreeName, 'belief_edges_reverse' | 'models'>;

export interface RowEdit {
  readonly table: StoredTable;
  /** The row of this number: put with so many bytes of value, or removed. */
  readonly row: number;
  readonly bytes: number | 'removed';
}

export class RowSubstrate {
  readonly states: RowState[];

  constructor(...states: readonly RowState[]) {
    this.states = [...states];
  }

  get state(): RowState {
    return this.states.at(-1)!;
  }

  /** A further state; `seed` decides the bytes of the values. */
  edit(seed: string, edits: readonly RowEdit[]): void {
    const next = new Map([...this.state].map(([name, { tree, rows }]) => [name, { tree, rows: new Map(rows) }]));
    for (const { table, row: number, bytes } of edits) {
      const [key, made] = rowNumber(table, number, seed, bytes === 'removed' ? 0 : bytes);
      const { rows } = next.get(nameOf(treeOf(table)))!;
      if (bytes === 'removed') rows.delete(key);
      else rows.set(key, made);
    }
    this.states.push(next);
  }

  /** The newest state, which knows what changed since each earlier one; `followed` false: a log that cannot be trusted. */
  source({ followed = true }: { readonly followed?: boolean | undefined } = {}): SnapshotSource {
    const { state, states } = this;
    const position = `state ${states.length - 1}`;
    return {
      ...sourceOf(state),
      position: followed ? position : null,
      changesSince: (since) => {
        const before = followed ? states.findIndex((_, i) => `state ${i}` === since) : -1;
        if (before === -1) return Promise.resolve({ kind: 'unknown', reason: 'the log has no such position' });
        return Promise.resolve({ kind: 'known', trees: changesBetween(states[before]!, state) });
      },
    };
  }
}

/** `counts` rows a table, each of `bytes` bytes of value. */
export function rowState(counts: Readonly<Partial<Record<StoredTable, number>>>, bytes: number): RowState {
  const state = new Map<string, { tree: TreeId; rows: Rows }>();
  for (const { name, derived } of TREES) {
    if (derived === true) continue;
    const tree = treeOf(name);
    const rows = Array.from({ length: counts[name as StoredTable] ?? 0 }, (_, i) =>
      rowNumber(name as StoredTable, i, 'first', bytes),
    );
    if (name === 'models') rows.push([toHex(uuidBytes(MODEL)), row(layout(name), uuidBytes(MODEL))]);
    state.set(nameOf(tree), { tree, rows: new Map(rows) });
  }
  return state;
}

/** A substrate that two processes make alike. */
export interface RowsMade {
  readonly counts: Readonly<Partial<Record<StoredTable, number>>>;
  readonly bytes: number;
  readonly edits: readonly (readonly RowEdit[])[];
}

export function makeRows({ counts, bytes, edits }: RowsMade): RowSubstrate {
  const substrate = new RowSubstrate(rowState(counts, bytes));
  for (const [i, edit] of edits.entries()) substrate.edit(`edit ${i}`, edit);
  return substrate;
}

/** A sink in memory; `take` is given what it holds once it is settled and its filler is content. */
export function rowSink(take: (state: RowState) => void): WithSnapshotSink {
  return async (fill) => {
    const state = new Map<string, { tree: TreeId; rows: Rows }>();
    let settled = false;
    const sink: SnapshotSink = {
      load: async (tree, copy) => {
        const rows = await readRows(layout(tree.name as TreeName), copy);
        state.set(nameOf(tree), { tree, rows });
        return rows.size;
      },
      settle: () => {
        settled = true;
        return Promise.resolve({ orphanEdges: [] });
      },
      get written() {
        return sourceOf(state);
      },
    };
    const filled = await fill(sink);
    if (!settled) throw new Error('the sink was left without being settled');
    take(state);
    return filled;
  };
}

/** All that a state says, for comparisons: for each tree how many rows, and the digest of them. */
export function plainRows(state: RowState): Record<string, string> {
  const plain = [...state].map(([name, { rows }]) => {
    const digest = createHash('sha256');
    for (const [, bytes] of sorted(rows)) digest.update(bytes);
    return [name, `${rows.size} rows, ${digest.digest('hex')}`] as const;
  });
  return Object.fromEntries(plain.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function sourceOf(state: RowState): SnapshotSource {
  return {
    schemaVersion: 1,
    engine: 'made by hand',
    trees: treesOf(state),
    async *rows(tree, ranges = [{ after: null, upTo: null }]) {
      const inside = sorted(rowsOf(state, tree)).filter(([key]) => ranges.some((range) => holds(range, key)));
      yield copyStream(inside.map(([, bytes]) => bytes));
    },
    position: null,
    untracked: 'made by hand',
    changesSince: () => Promise.resolve({ kind: 'unknown', reason: 'nobody followed' }),
  };
}

function treesOf(state: RowState): TreeId[] {
  const models = [...state.values()].flatMap(({ tree }) => tree.modelId ?? []).sort();
  return TREES.flatMap(({ name, perModel }): TreeId[] =>
    perModel === true ? models.map((modelId) => ({ name, modelId })) : [{ name }],
  );
}

function rowsOf(state: RowState, tree: TreeId): Rows {
  if (tree.name === 'belief_edges_reverse') return reversed(state.get('belief_edges')!.rows);
  return state.get(nameOf(tree))?.rows ?? new Map<string, Uint8Array>();
}

/** The tree of the edges by their targets, of which the table is the tree by their sources. */
function reversed(edges: Rows): Rows {
  return new Map(
    [...edges].map(([key, bytes]) => {
      const [sourceKey, typeKey, targetKey, idKey] = [0, 1, 2, 3].map((part) => key.slice(part * 32, part * 32 + 32));
      const [source, type, target, id] = fieldsOf(bytes, 4) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
      return [`${targetKey}${typeKey}${sourceKey}${idKey}`, tuple(target, type, source, id)];
    }),
  );
}

/** The first values of a tuple, none of which is null. */
function fieldsOf(bytes: Uint8Array, count: number): Uint8Array[] {
  const fields: Uint8Array[] = [];
  for (let at = 2; fields.length < count;) {
    const length = view(bytes).readInt32BE(at);
    fields.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return fields;
}

function changesBetween(before: RowState, after: RowState): TreeChanges[] {
  const changes: TreeChanges[] = [];
  for (const tree of treesOf(after)) {
    const [was, is] = [rowsOf(before, tree), rowsOf(after, tree)];
    const keys = new Set([...was.keys(), ...is.keys()]);
    const changed = [...keys].filter((key) => toText(was.get(key)) !== toText(is.get(key))).sort();
    if (changed.length > 0) changes.push({ tree, keys: changed.map((key) => Buffer.from(key, 'hex')) });
  }
  return changes;
}

function treeOf(name: TreeName): TreeId {
  return layout(name).perModel === true ? { name, modelId: MODEL } : { name };
}

function nameOf({ name, modelId }: TreeId): string {
  return modelId === undefined ? name : `${name} ${modelId}`;
}

async function readRows(of: TreeLayout, copy: AsyncIterable<Uint8Array>): Promise<Rows> {
  const reader = new TupleReader(of, INLINE_VALUE_BYTES_MAX);
  const { keyBytes, paddedBytes } = keyShape(of);
  const rows = new Map<string, Uint8Array>();
  for await (const piece of copy) {
    for (const { bytes, ends, count, keys } of reader.push(piece)) {
      for (let i = 0; i < count; i += 1) {
        const key = keys.subarray(i * paddedBytes, i * paddedBytes + keyBytes);
        rows.set(toHex(key), Buffer.from(bytes.subarray(ends[i - 1] ?? 0, ends[i])));
      }
    }
  }
  reader.end();
  return rows;
}

function rowNumber(table: StoredTable, number: number, seed: string, bytes: number): [string, Uint8Array] {
  const of = layout(table);
  const key = keyOf(`${table} ${number}`, keyShape(of).keyBytes);
  return [toHex(key), row(of, key, filler(`${seed} ${table} ${number}`, bytes))];
}

function holds({ after, upTo }: KeyRange, key: string): boolean {
  return (after === null || key > toHex(after)) && (upTo === null || key <= toHex(upTo));
}

function sorted(rows: Rows): [string, Uint8Array][] {
  return [...rows].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function toText(bytes: Uint8Array | undefined): string | null {
  return bytes === undefined ? null : toHex(bytes);
}
