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
  /** Gives the cutter everything of a range of keys. */
  readonly feed: (range: KeyRange) => Promise<void>;
}

/** Neighbours that cannot stay, as one. */
interface Run {
  readonly after: Uint8Array | null;
  readonly last: OwnedKeys;
}

/** Runs whose old positions are asked for at once. */
const RUNS_AT_ONCE = 128;

export async function editLevel<R>(options: EditLevelOptions<R>): Promise<Edit<R>[]> {
  const edits: Edit<R>[] = [];
  const runs = runsOf(options.owners);
  let positions: readonly TreePosition[] = [];
  for (let at = 0, fetched = 0; at < runs.length;) {
    if (at >= fetched) {
      const ahead = runs.slice(at, at + RUNS_AT_ONCE);
      positions = await options.within(ahead.map(rangeOf));
      options.replacing(positions);
      fetched = at + ahead.length;
    }
    const first = runs[at]!;
    at += 1;
    let last = first.last;
    const removed = positions.filter((position) => isWithin(position.lastKey, rangeOf(first)));
    await options.feed(rangeOf(first));
    while (!options.cutter.isAtCut && !last.isLast) {
      const following = runs[at];
      const joins = following !== undefined && Buffer.compare(following.after!, last.lastKey) === 0;
      const run: Run = joins ? following : { after: last.lastKey, last: (await options.next(last.lastKey))! };
      const known = joins && at < fetched;
      if (joins) at += 1;
      const old = known
        ? positions.filter((position) => isWithin(position.lastKey, rangeOf(run)))
        : await options.within([rangeOf(run)]);
      if (!known) options.replacing(old);
      removed.push(...old);
      await options.feed(rangeOf(run));
      last = run.last;
    }
    if (last.isLast) options.cutter.flush();
    fetched = Math.max(fetched, at);
    const upTo = last.isLast ? null : last.lastKey;
    const chunks = removed.filter((position) => position.piece === 0);
    edits.push({ after: first.after, upTo, removed: chunks, entries: options.ended.splice(0) });
  }
  return edits;
}

/** Whether an old chunk is among those that edits removed. */
export function removedBy<R>(edits: readonly Edit<R>[]): (lastKey: Uint8Array) => boolean {
  return (lastKey) => edits.some((edit) => isWithin(lastKey, edit));
}

function runsOf(owners: readonly OwnedKeys[]): Run[] {
  const runs: Run[] = [];
  for (const owner of owners) {
    const before = runs.at(-1);
    const continues =
      before !== undefined && owner.after !== null && Buffer.compare(before.last.lastKey, owner.after) === 0;
    if (continues) runs[runs.length - 1] = { after: before.after, last: owner };
    else runs.push({ after: owner.after, last: owner });
  }
  return runs;
}

function rangeOf({ after, last }: Run): KeyRange {
  return { after, upTo: last.isLast ? null : last.lastKey };
}

function isWithin(key: Uint8Array, { after, upTo }: KeyRange): boolean {
  return (after === null || Buffer.compare(key, after) > 0) && (upTo === null || Buffer.compare(key, upTo) <= 0);
}
