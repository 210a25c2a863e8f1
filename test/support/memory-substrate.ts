import { toHex } from '../../src/core/bytes.ts';
import type { KeyRange, SnapshotSource, TreeChanges, TreeId } from '../../src/core/ports.ts';
import { layoutNamed, TREES } from '../../src/format/tables.ts';
import { copyStream } from '../vectors/copy-rows.ts';
import { filler, row } from './tree-fixture.ts';

/** A substrate in memory: rows by key, and a change log that says which keys were touched since each of its states. */
export class MemorySubstrate {
  readonly models: Set<string> = new Set();
  readonly #tables = new Map<string, Map<string, Uint8Array>>();
  /** Of each step the keys touched, by tree; `all`: truncated. */
  readonly #log: Map<string, Set<string> | 'all'>[] = [];
  /** Makes `changesSince` say that it does not know. */
  untrusted = false;
  /** Rows given out. */
  rowsRead = 0;

  put(tree: TreeId, key: Uint8Array, value: string, length: number): void {
    this.#table(tree).set(toHex(key), row(layoutNamed(tree.name), key, filler(value, length)));
    this.#touch(tree, toHex(key));
  }

  remove(tree: TreeId, key: string): void {
    if (this.#table(tree).delete(key)) this.#touch(tree, key);
  }

  truncate(tree: TreeId): void {
    this.#table(tree).clear();
    this.#step().set(idOf(tree), 'all');
  }

  keys(tree: TreeId): string[] {
    return [...this.#table(tree).keys()].sort();
  }

  /** Each tree with its rows, as one text. */
  state(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.trees().map((tree) => [idOf(tree), toHex(this.#stream(tree))]));
  }

  trees(): TreeId[] {
    const models = [...this.models].sort();
    return TREES.flatMap(({ name, perModel }): TreeId[] =>
      perModel === true ? models.map((modelId) => ({ name, modelId })) : [{ name }],
    );
  }

  /** The state as it is now. */
  source(): SnapshotSource {
    const position = this.#log.length;
    this.#log.push(new Map());
    const streams = new Map(this.trees().map((tree) => [idOf(tree), this.#sorted(tree)]));
    const read = (count: number): void => {
      this.rowsRead += count;
    };
    return {
      schemaVersion: 1,
      engine: 'memory',
      trees: this.trees(),
      position: String(position),
      untracked: null,
      changesSince: async (since) =>
        this.untrusted
          ? { kind: 'unknown', reason: 'the log is not to be trusted' }
          : { kind: 'known', trees: this.#changes(Number(since), position) },
      async *rows(tree, ranges) {
        const rows = streams.get(idOf(tree))!.filter(([key]) => ranges?.some((range) => holds(range, key)) ?? true);
        read(rows.length);
        yield copyStream(rows.map(([, bytes]) => bytes));
      },
    };
  }

  #changes(since: number, until: number): TreeChanges[] {
    const changes: TreeChanges[] = [];
    for (const tree of this.trees()) {
      const steps = this.#log.slice(since, until).flatMap((step) => step.get(idOf(tree)) ?? []);
      if (steps.length === 0) continue;
      const keys = new Set(steps.flatMap((step) => (step === 'all' ? [] : [...step])));
      const isAll = steps.includes('all');
      changes.push({ tree, keys: isAll ? 'all' : [...keys].sort().map((key) => Buffer.from(key, 'hex')) });
    }
    return changes;
  }

  #touch(tree: TreeId, key: string): void {
    const step = this.#step();
    const touched = step.get(idOf(tree)) ?? new Set();
    if (touched === 'all') return;
    touched.add(key);
    step.set(idOf(tree), touched);
  }

  /** What happened after the newest state that was given out. */
  #step(): Map<string, Set<string> | 'all'> {
    if (this.#log.length === 0) this.#log.push(new Map());
    return this.#log.at(-1)!;
  }

  #table(tree: TreeId): Map<string, Uint8Array> {
    const table = this.#tables.get(idOf(tree)) ?? new Map<string, Uint8Array>();
    this.#tables.set(idOf(tree), table);
    return table;
  }

  #sorted(tree: TreeId): [string, Uint8Array][] {
    return [...this.#table(tree)].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  #stream(tree: TreeId): Uint8Array {
    return copyStream(this.#sorted(tree).map(([, bytes]) => bytes));
  }
}

/** A tree's name as one text. */
export function idOf({ name, modelId }: TreeId): string {
  return modelId === undefined ? name : `${name} ${modelId}`;
}

function holds({ after, upTo }: KeyRange, key: string): boolean {
  return (after === null || key > toHex(after)) && (upTo === null || key <= toHex(upTo));
}
