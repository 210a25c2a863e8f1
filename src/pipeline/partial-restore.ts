import { createHash } from 'node:crypto';
import { equalBytes } from '../core/bytes.ts';
import { copyOf, copyTuples } from '../core/copy-stream.ts';
import type { Tuples } from '../core/copy-stream.ts';
import { ValenceError } from '../core/errors.ts';
import type { SettleReport, SnapshotSink, SnapshotSource, TreeId } from '../core/ports.ts';
import type { ProgressSink } from '../core/progress.ts';
import { TREES } from '../format/tables.ts';
import type { TreeName } from '../format/tables.ts';
import { ContentIds } from '../format/tree/content-id.ts';
import { ChunkReader } from '../vault/chunk-reader.ts';
import { closureOf, wantedOf } from '../vault/closure.ts';
import type { Closure } from '../vault/closure.ts';
import { RangedSource } from '../vault/ranged-source.ts';
import type { ObjectProblem } from '../vault/read-object.ts';
import { StripeReader } from '../vault/stripe-reader.ts';
import { TreeLookup } from '../vault/tree-lookup.ts';
import { bringBackMet, WarmedSource } from '../vault/warming.ts';
import type { WhenArchived } from '../vault/warming.ts';
import { treeIdOf } from '../vault/tree-reader.ts';
import type { Wanted } from '../vault/wanted.ts';
import { differs } from './restore.ts';
import type { RestoreInput, RestorePlan } from './restore.ts';

/** Rebuilds some beliefs of a snapshot and what belongs to them, reading little else. */

export interface PartialRestoreOptions {
  /** UUID text, at least one. */
  readonly beliefs: readonly string[];
  /** How many edges, in either direction, lead away from them; 0: those beliefs alone. */
  readonly hops: number;
  /** Left out: what lies in an archive is asked for as it is met. */
  readonly archived?: WhenArchived | undefined;
}

export interface PartialRestored extends SettleReport {
  /** Rows a table, by name, as for a full restore. */
  readonly counts: Readonly<Record<string, number>>;
  /** Shards that turned out missing or damaged while they were read. */
  readonly problems: readonly ObjectProblem[];
}

/** A closed part of a snapshot: whatever a row of it refers to is in it as well. */
export interface PartialRestore {
  /** How many beliefs belong to it. */
  readonly beliefs: number;
  /** Every tree that is to be loaded, in the order in which a sink takes them; those without rows too, never a reverse tree. */
  readonly trees: readonly TreeId[];
  /** Its rows of one tree in key order as one binary COPY stream: header, tuples, trailer. May be asked again. @throws `integrity/*` */
  rows(tree: TreeId): AsyncIterable<Uint8Array>;
  /** Rows a table, by name. Reads leaves, but no large values. @throws `integrity/*` */
  counts(): Promise<Readonly<Record<string, number>>>;
  /**
   * Loads every tree, lets the sink settle, and compares all of it with what was loaded.
   * @throws `integrity/*` and whatever the sink throws
   */
  load(sink: SnapshotSink, progress: ProgressSink): Promise<PartialRestored>;
  /** Bytes of shards taken from backends so far; index and manifest not counted. */
  readonly bytesRead: number;
  /** Shards that turned out missing or damaged so far. */
  readonly problems: readonly ObjectProblem[];
}

/**
 * Finds which rows belong to the part. `plan.loss` need not be null: stripes that hold nothing of the part may be lost.
 * What is read stays at hand up to a limit (`PACK_CACHE_BYTES`), so that loading a small part reads little again.
 * @throws `usage/invalid` naming the beliefs that the snapshot does not hold (`missing` in the context); `integrity/*`; `backend/archived`
 * where `archived` says not to wait, once all that the snapshot needs was asked for
 */
export async function openPartial(
  { places, names, signal }: Pick<RestoreInput, 'places' | 'names' | 'signal'>,
  { body, secrets, index, presence }: Pick<RestorePlan, 'body' | 'secrets' | 'index' | 'presence'>,
  { beliefs, hops, archived }: PartialRestoreOptions,
): Promise<PartialRestore> {
  const { maskKey } = secrets;
  const stripes = new StripeReader(places, maskKey, { presence, names, signal });
  const source = new RangedSource({ index, places, maskKey, stripes, presence, signal });
  const warmed =
    archived === undefined
      ? source
      : new WarmedSource(source, () => bringBackMet(index.liveStripes(), { places, presence, signal }, archived));
  const chunks = new ChunkReader(warmed, new ContentIds(secrets.contentIdKey));
  const trees = body.trees.map((tree) => ({ id: treeIdOf(tree), lookup: new TreeLookup(chunks, tree) }));
  const find = (name: TreeName): TreeLookup => lookupOf(trees, { name });
  const closure = await closureOf(find, { beliefs, hops, signal });
  return new OpenedPart({ trees, closure, source, stripes, signal });
}

interface NamedTree {
  readonly id: TreeId;
  readonly lookup: TreeLookup;
}

function lookupOf(trees: readonly NamedTree[], { name, modelId }: TreeId): TreeLookup {
  const found = trees.find(({ id }) => id.name === name && id.modelId === modelId);
  if (found !== undefined) return found.lookup;
  throw new ValenceError('format/malformed', `malformed snapshot body: a tree of ${name} is missing`);
}

interface PartFacts {
  readonly trees: readonly NamedTree[];
  readonly closure: Closure;
  readonly source: RangedSource;
  readonly stripes: StripeReader;
  readonly signal: AbortSignal | undefined;
}

class OpenedPart implements PartialRestore {
  readonly trees: readonly TreeId[];
  readonly #facts: PartFacts;

  constructor(facts: PartFacts) {
    this.#facts = facts;
    this.trees = facts.trees.flatMap(({ id, lookup }) => (lookup.layout.derived === true ? [] : [id]));
  }

  get beliefs(): number {
    return this.#facts.closure.beliefs.size;
  }

  get bytesRead(): number {
    return this.#facts.source.bytesRead;
  }

  get problems(): readonly ObjectProblem[] {
    return this.#facts.stripes.problems;
  }

  rows(tree: TreeId): AsyncIterable<Uint8Array> {
    return copyOf(this.#tuples(tree, () => {}));
  }

  async counts(): Promise<Readonly<Record<string, number>>> {
    const counted: LoadedTree[] = [];
    for (const tree of this.trees) {
      let rows = 0;
      for await (const keys of this.#lookup(tree).keys(this.#wanted(tree))) {
        this.#facts.signal?.throwIfAborted();
        rows += keys.length;
      }
      counted.push({ tree, rows });
    }
    return countTables(counted);
  }

  async load(sink: SnapshotSink, progress: ProgressSink): Promise<PartialRestored> {
    const loaded: (LoadedTree & { readonly digest: RowsDigest })[] = [];
    for (const tree of this.trees) {
      const digest = new RowsDigest();
      const tuples = this.#tuples(tree, (batch) => {
        digest.add(batch);
        progress({ stage: `restoring ${tree.name}`, done: digest.rows, unit: 'rows' });
      });
      const rows = await sink.load(tree, copyOf(tuples));
      if (rows !== digest.rows) throw differs(`${rows} of ${digest.rows} rows of ${tree.name} were loaded`);
      loaded.push({ tree, rows, digest });
    }
    progress({ stage: 'building constraints' });
    const settled = await sink.settle();
    progress({ stage: 'comparing with the snapshot' });
    for (const { tree, digest } of loaded) await this.#compare(sink.written, tree, digest);
    return { ...settled, counts: countTables(loaded), problems: this.problems };
  }

  async *#tuples(tree: TreeId, seen: (batch: Tuples) => void): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const rows of this.#lookup(tree).rows(this.#wanted(tree))) {
      this.#facts.signal?.throwIfAborted();
      if (rows.length === 0) continue;
      const bytes = Buffer.concat(rows.map(({ tuple }) => tuple));
      seen({ bytes, count: rows.length });
      yield bytes;
    }
  }

  /** Both in key order, so that equal rows are equal bytes. */
  async #compare(written: SnapshotSource, tree: TreeId, expected: RowsDigest): Promise<void> {
    const found = new RowsDigest();
    for await (const batch of copyTuples(written.rows(tree))) {
      this.#facts.signal?.throwIfAborted();
      found.add(batch);
    }
    if (found.rows !== expected.rows || !equalBytes(found.finish(), expected.finish())) {
      throw differs(`${tree.name} in the target does not equal what was read from the snapshot`);
    }
  }

  #lookup(tree: TreeId): TreeLookup {
    return lookupOf(this.#facts.trees, tree);
  }

  #wanted(tree: TreeId): Wanted {
    return wantedOf(this.#facts.closure, this.#lookup(tree).layout.name);
  }
}

/** Of the rows of a tree in key order, however they are split. */
class RowsDigest {
  rows = 0;
  readonly #hash = createHash('sha256');

  add({ bytes, count }: Tuples): void {
    this.#hash.update(bytes);
    this.rows += count;
  }

  finish(): Uint8Array {
    return this.#hash.digest();
  }
}

interface LoadedTree {
  readonly tree: TreeId;
  readonly rows: number;
}

function countTables(trees: readonly LoadedTree[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { name, derived } of TREES) if (derived !== true) counts[name] = 0;
  for (const { tree, rows } of trees) counts[tree.name] = (counts[tree.name] ?? 0) + rows;
  return counts;
}
