import type { KeyRange, OwnedKeys, TreePosition } from '../core/ports.ts';
import type { TreeEntry } from '../format/tree/tree-chunk.ts';

/** One level of a tree made anew where it must be: from each changed chunk until the cutter stands at an old end again. */

/** A stretch of a level: its old leaves or nodes, and the new ones in their place. */
export interface Edit<R> extends KeyRange {
  readonly removed: readonly TreePosition[];
  readonly entries: TreeEntry<R>[];
}

export interface EditLevelOptions<R> {
  /** Old chunks that cannot stay, in key order. */
  readonly owners: readonly OwnedKeys[];
  /** The old chunk after the one with this last key. */
  readonly next: (lastKey: Uint8Array) => Promise<OwnedKeys | null>;
  /** Old positions of the level, pieces too. */
  readonly within: (ranges: readonly KeyRange[]) => Promise<readonly TreePosition[]>;
  readonly replacing: (positions: readonly TreePosition[]) => void;
  readonly cutter: { readonly isAtCut: boolean; flush(): void };
  /** Where the cutter puts what it ended; emptied here. */
  readonly ended: TreeEntry<R>[];
  /** Ranges that will be fed next, with others between them that nobody foresaw. */
  readonly prepare: (ranges: readonly KeyRange[]) => Promise<void>;
  /** Gives the cutter everything of a range of keys; the same object that was prepared, if it was. */
  readonly feed: (range: KeyRange) => Promise<void>;
}

export async function editLevel<R>(options: EditLevelOptions<R>): Promise<Edit<R>[]> {
  return new LevelEdits(options).make();
}

/** Neighbours that cannot stay, as one. */
interface Run {
  readonly range: KeyRange;
  readonly last: OwnedKeys;
}

/** Runs whose old positions and new content are asked for at once. */
const RUNS_AT_ONCE = 128;

class LevelEdits<R> {
  readonly #options: EditLevelOptions<R>;
  readonly #runs: readonly Run[];
  /** The next run, and the first that has not been asked for. */
  #at = 0;
  #asked = 0;
  #positions: readonly TreePosition[] = [];

  constructor(options: EditLevelOptions<R>) {
    this.#options = options;
    this.#runs = runsOf(options.owners);
  }

  async make(): Promise<Edit<R>[]> {
    const edits: Edit<R>[] = [];
    while (this.#at < this.#runs.length) edits.push(await this.#edit());
    return edits;
  }

  async #edit(): Promise<Edit<R>> {
    const { cutter, ended, feed } = this.#options;
    if (this.#at >= this.#asked) await this.#askAhead();
    const first = this.#runs[this.#at]!;
    this.#at += 1;
    const removed = this.#positionsOf(first);
    await feed(first.range);
    let { last } = first;
    while (!cutter.isAtCut && !last.isLast) {
      const run = await this.#following(last.lastKey);
      removed.push(...(await this.#positionsOfFollowing(run)));
      await feed(run.range);
      ({ last } = run);
    }
    if (last.isLast) cutter.flush();
    return { after: first.range.after, upTo: endOf(last), removed: removed.filter(isChunk), entries: ended.splice(0) };
  }

  async #askAhead(): Promise<void> {
    const { within, replacing, prepare } = this.#options;
    const ranges = this.#runs.slice(this.#at, this.#at + RUNS_AT_ONCE).map(({ range }) => range);
    this.#positions = await within(ranges);
    replacing(this.#positions);
    // What is added at the end may be much, and is read as it comes.
    const bounded = ranges.filter(({ upTo }) => upTo !== null);
    if (bounded.length > 1) await prepare(bounded);
    this.#asked = this.#at + ranges.length;
  }

  /** The neighbour that has to go with what came before: the next run if that begins here. */
  async #following(lastKey: Uint8Array): Promise<Run> {
    const next = this.#runs[this.#at];
    if (next !== undefined && Buffer.compare(next.range.after!, lastKey) === 0) return next;
    const last = (await this.#options.next(lastKey))!;
    return { range: { after: lastKey, upTo: endOf(last) }, last };
  }

  async #positionsOfFollowing(run: Run): Promise<readonly TreePosition[]> {
    const isNextRun = this.#runs[this.#at] === run;
    const isKnown = isNextRun && this.#at < this.#asked;
    if (isNextRun) this.#at += 1;
    this.#asked = Math.max(this.#asked, this.#at);
    if (isKnown) return this.#positionsOf(run);
    const positions = await this.#options.within([run.range]);
    this.#options.replacing(positions);
    return positions;
  }

  #positionsOf({ range }: Run): TreePosition[] {
    return this.#positions.filter(({ lastKey }) => isWithin(lastKey, range));
  }
}

/** Whether an old chunk is among those that edits removed. */
export function removedBy<R>(edits: readonly Edit<R>[]): (lastKey: Uint8Array) => boolean {
  return (lastKey) => edits.some((edit) => isWithin(lastKey, edit));
}

/** Whether a range holds a key. */
export function isWithin(key: Uint8Array, { after, upTo }: KeyRange): boolean {
  return (after === null || Buffer.compare(key, after) > 0) && (upTo === null || Buffer.compare(key, upTo) <= 0);
}

function runsOf(owners: readonly OwnedKeys[]): Run[] {
  const runs: Run[] = [];
  for (const owner of owners) {
    const before = runs.at(-1);
    const continues =
      before !== undefined && owner.after !== null && Buffer.compare(before.last.lastKey, owner.after) === 0;
    const after = continues ? before.range.after : owner.after;
    const run = { range: { after, upTo: endOf(owner) }, last: owner };
    if (continues) runs[runs.length - 1] = run;
    else runs.push(run);
  }
  return runs;
}

function endOf(owner: OwnedKeys): Uint8Array | null {
  return owner.isLast ? null : owner.lastKey;
}

/** A leaf or node, and no piece of a large value. */
function isChunk({ piece }: TreePosition): boolean {
  return piece === 0;
}
