import { partition } from './partition.ts';
import type { Partition } from './partition.ts';
import type { WeightedSteps } from './weighted-steps.ts';

type Steps = Pick<WeightedSteps, 'offsets' | 'ends'>;

/**
 * The strongly connected components of two beliefs or more: within each, every belief leads to every other. A belief that
 * lies on no cycle is in none. Tarjan 1972, with a stack of its own, so that a chain may be as long as it likes; linear.
 */
export function strongComponents(steps: Steps): Partition {
  const count = steps.offsets.length - 1;
  const search = new Search(steps, count);
  for (let belief = 0; belief < count; belief += 1) search.from(belief);
  return partition(search.labels);
}

const UNSEEN = -1;

class Search {
  /** The first belief found of its component; -1 where that is the only one. */
  readonly labels: Int32Array;
  readonly #steps: Steps;
  /** When a belief was first seen. */
  readonly #seen: Int32Array;
  /** The earliest belief, of those still open, that is known to be reached from it. */
  readonly #low: Int32Array;
  readonly #closed: Uint8Array;
  /** The next step to look at. */
  readonly #next: Int32Array;
  /** The way from the root of the search to where it stands. */
  readonly #way: Int32Array;
  /** Seen and not yet in a component. */
  readonly #open: Int32Array;
  #openCount = 0;
  #time = 0;

  constructor(steps: Steps, count: number) {
    this.#steps = steps;
    this.labels = new Int32Array(count).fill(-1);
    this.#seen = new Int32Array(count).fill(UNSEEN);
    this.#low = new Int32Array(count);
    this.#closed = new Uint8Array(count);
    this.#next = steps.offsets.slice(0, count);
    this.#way = new Int32Array(count);
    this.#open = new Int32Array(count);
  }

  from(root: number): void {
    if (this.#seen[root] !== UNSEEN) return;
    let depth = 0;
    this.#enter(root, depth);
    while (depth >= 0) {
      const belief = this.#way[depth]!;
      const ahead = this.#advance(belief);
      if (ahead >= 0) {
        depth += 1;
        this.#enter(ahead, depth);
        continue;
      }
      if (this.#low[belief] === this.#seen[belief]) this.#close(belief);
      depth -= 1;
      if (depth >= 0) this.#lower(this.#way[depth]!, this.#low[belief]!);
    }
  }

  #enter(belief: number, depth: number): void {
    this.#seen[belief] = this.#time;
    this.#low[belief] = this.#time;
    this.#time += 1;
    this.#way[depth] = belief;
    this.#open[this.#openCount++] = belief;
  }

  /** The next belief from here that was not seen before, or -1 after the last step. */
  #advance(belief: number): number {
    const { offsets, ends } = this.#steps;
    for (let step = this.#next[belief]!; step < offsets[belief + 1]!; step += 1) {
      const end = ends[step]!;
      if (this.#seen[end] === UNSEEN) {
        this.#next[belief] = step + 1;
        return end;
      }
      if (this.#closed[end] === 0) this.#lower(belief, this.#seen[end]!);
    }
    this.#next[belief] = offsets[belief + 1]!;
    return -1;
  }

  #lower(belief: number, to: number): void {
    if (to < this.#low[belief]!) this.#low[belief] = to;
  }

  /** All that was seen since `first` and is still open is one component. */
  #close(first: number): void {
    const alone = this.#open[this.#openCount - 1] === first;
    for (let belief = -1; belief !== first;) {
      this.#openCount -= 1;
      belief = this.#open[this.#openCount]!;
      this.#closed[belief] = 1;
      if (!alone) this.labels[belief] = first;
    }
  }
}
