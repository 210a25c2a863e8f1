import { INLINE_VALUE_BYTES_MAX } from '../core/limits.ts';
import type { KeyRange, SnapshotSource, TreeId } from '../core/ports.ts';
import { TupleReader } from '../format/rows/copy-tuples.ts';
import type { TupleBatch } from '../format/rows/copy-tuples.ts';
import { keyShape } from '../format/rows/row-key.ts';
import type { KeyShape } from '../format/rows/row-key.ts';
import type { TreeLayout } from '../format/tables.ts';

/** What is kept of ranges read ahead; the rest is read when its turn comes. */
const AHEAD_BYTES_MAX = 8 * 1024 * 1024;

/** Rows of a tree by ranges of keys, many ranges a query: a question costs the database more than 25 rows do. */
export class RangeRows {
  readonly #source: SnapshotSource;
  readonly #tree: TreeId;
  readonly #layout: TreeLayout;
  readonly #shape: KeyShape;
  #ahead = new Map<KeyRange, TupleBatch[]>();

  constructor(source: SnapshotSource, tree: TreeId, layout: TreeLayout) {
    this.#source = source;
    this.#tree = tree;
    this.#layout = layout;
    this.#shape = keyShape(layout);
  }

  /** Reads these ascending, disjoint ranges, as far as their rows may be kept, in place of those read ahead before. */
  async prepare(ranges: readonly KeyRange[]): Promise<void> {
    const ahead = new Map<KeyRange, TupleBatch[]>(ranges.map((range) => [range, []]));
    let bytes = 0;
    for await (const batch of this.#batches(ranges)) {
      for (const { range, part } of this.#byRange(batch, ranges)) {
        // The stream must be taken to its end, whether its rows are kept or not.
        if (bytes <= AHEAD_BYTES_MAX) ahead.get(range)!.push(part);
        else ahead.delete(range);
        bytes += part.bytes.length;
      }
    }
    // Ranges that were never reached, because they hold no row, are known all the same.
    this.#ahead = ahead;
  }

  /** The rows of a range, in key order. */
  async *read(range: KeyRange): AsyncGenerator<TupleBatch, void, undefined> {
    const ahead = this.#ahead.get(range);
    if (ahead === undefined) yield* this.#batches([range]);
    else yield* ahead;
    this.#ahead.delete(range);
  }

  async *#batches(ranges: readonly KeyRange[]): AsyncGenerator<TupleBatch, void, undefined> {
    const reader = new TupleReader(this.#layout, INLINE_VALUE_BYTES_MAX);
    for await (const piece of this.#source.rows(this.#tree, ranges)) yield* reader.push(piece);
    reader.end();
  }

  /** The parts of a batch that lie in each range, in order. */
  *#byRange(
    batch: TupleBatch,
    ranges: readonly KeyRange[],
  ): Generator<{ readonly range: KeyRange; readonly part: TupleBatch }, void, undefined> {
    for (let [start, at] = [0, 0]; start < batch.count;) {
      while (this.#isPast(batch, start, ranges[at]!)) at += 1;
      let end = start + 1;
      while (end < batch.count && !this.#isPast(batch, end, ranges[at]!)) end += 1;
      yield { range: ranges[at]!, part: this.#part(batch, start, end) };
      start = end;
    }
  }

  #isPast({ keys }: TupleBatch, row: number, { upTo }: KeyRange): boolean {
    if (upTo === null) return false;
    const at = row * this.#shape.paddedBytes;
    return keys.compare(upTo, 0, upTo.length, at, at + this.#shape.keyBytes) > 0;
  }

  /** Copies: a batch is valid until the next is asked for. */
  #part({ bytes, ends, keys, hasLargeValue }: TupleBatch, start: number, end: number): TupleBatch {
    const from = ends[start - 1] ?? 0;
    const { paddedBytes } = this.#shape;
    return {
      bytes: Buffer.from(bytes.subarray(from, ends[end - 1])),
      count: end - start,
      ends: Uint32Array.from(ends.subarray(start, end), (at) => at - from),
      keys: Buffer.from(keys.subarray(start * paddedBytes, end * paddedBytes)),
      hasLargeValue,
    };
  }
}
