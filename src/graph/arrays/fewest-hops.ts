import { turned } from '../walk/adjacency.ts';
import type { Limits } from '../walk/budget.ts';
import { beliefId, beliefNumber } from './graph-arrays.ts';
import type { GraphArrays } from './graph-arrays.ts';
import type { Passable, StepChoice } from './paths/step-graph.ts';
import { passable } from './paths/step-graph.ts';
import { eachStep } from './steps.ts';

export interface FewestHopsOptions extends Omit<StepChoice, 'by'>, Limits {
  readonly maxHops: number;
}

/** `hops`: none within so many, there may be a longer one. `none`: there is none. */
export type FewestHops = readonly string[] | 'hops' | 'none';

/**
 * The path of the fewest hops, by the ids of its beliefs; of several the one whose ids come first, in order: the same that
 * is found over SQL. Searched from both ends, the smaller side first. `null`: it costs more than the limits allow, or an
 * end is not there.
 */
export function fewestHops(
  arrays: GraphArrays,
  from: string,
  to: string,
  options: FewestHopsOptions,
): FewestHops | null {
  const [start, goal] = [beliefNumber(arrays, from), beliefNumber(arrays, to)];
  if (start === -1 || goal === -1) return null;
  if (start === goal) return [from];
  const search = new TwoSidedSearch(arrays, start, goal, options);
  const answer = search.run(options);
  return typeof answer === 'object' && answer !== null ? answer.map((belief) => beliefId(arrays, belief)) : answer;
}

/** What is known from one end. */
interface Side {
  /** One more than the hops from this end, 0 where it is not known. */
  readonly reached: Int32Array;
  frontier: number[];
  hops: number;
  readonly over: Passable;
}

class TwoSidedSearch {
  readonly #arrays: GraphArrays;
  readonly #start: number;
  readonly #ahead: Side;
  readonly #back: Side;

  constructor(arrays: GraphArrays, start: number, goal: number, choice: FewestHopsOptions) {
    this.#arrays = arrays;
    this.#start = start;
    this.#ahead = this.#side(start, passable(arrays, choice, choice.direction));
    this.#back = this.#side(goal, passable(arrays, choice, turned(choice.direction)));
  }

  run({ maxHops, beliefsLeft, edgesLeft }: FewestHopsOptions): readonly number[] | 'hops' | 'none' | null {
    let [beliefs, edges] = [2, 0];
    for (let hops = 1; hops <= maxHops; hops += 1) {
      const [near, far] =
        this.#ahead.frontier.length <= this.#back.frontier.length
          ? [this.#ahead, this.#back]
          : [this.#back, this.#ahead];
      const level = this.#level(near, far);
      edges += level.looked;
      if (edges > edgesLeft) return null;
      if (level.touched) return this.#firstPath();
      beliefs += level.fresh.length;
      if (beliefs > beliefsLeft) return null;
      if (level.fresh.length === 0) return 'none';
      near.frontier = level.fresh;
      near.hops += 1;
    }
    return 'hops';
  }

  #side(end: number, over: Passable): Side {
    const reached = new Int32Array(this.#arrays.beliefs.count);
    reached[end] = 1;
    return { reached, frontier: [end], hops: 0, over };
  }

  /** Stops at no touch: the path is looked for among all that is then known. */
  #level(near: Side, far: Side): { readonly fresh: number[]; readonly looked: number; readonly touched: boolean } {
    const fresh: number[] = [];
    let [looked, touched] = [0, false];
    const distance = near.hops + 2;
    for (const belief of near.frontier) {
      eachStep(this.#arrays, near.over, belief, (to) => {
        looked += 1;
        if (far.reached[to] !== 0) touched = true;
        else if (near.reached[to] === 0) {
          near.reached[to] = distance;
          fresh.push(to);
        }
      });
    }
    return { fresh, looked, touched };
  }

  /** Step by step the least belief from which the goal is as near as it can be. */
  #firstPath(): readonly number[] {
    const [ahead, back] = [this.#ahead, this.#back];
    const leading = this.#leadingBeliefs();
    const path = [this.#start];
    for (let hops = 1; hops <= ahead.hops; hops += 1)
      path.push(this.#least(path.at(-1)!, (to) => ahead.reached[to] === hops + 1 && leading[hops]!.has(to)));
    for (let left = back.hops; left >= 0; left -= 1)
      path.push(this.#least(path.at(-1)!, (to) => back.reached[to] === left + 1));
    return path;
  }

  /** By their hops from the start: the beliefs on some path of the fewest hops, as far as they were reached from there. */
  #leadingBeliefs(): readonly ReadonlySet<number>[] {
    const [ahead, back] = [this.#ahead, this.#back];
    const levels: Set<number>[] = Array.from({ length: ahead.hops + 1 }, () => new Set());
    let beyond: Iterable<number> = back.frontier;
    for (let hops = ahead.hops; hops >= 0; hops -= 1) {
      for (const belief of beyond) {
        eachStep(this.#arrays, back.over, belief, (to) => {
          if (ahead.reached[to] === hops + 1) levels[hops]!.add(to);
        });
      }
      beyond = levels[hops]!;
    }
    return levels;
  }

  #least(from: number, counts: (to: number) => boolean): number {
    let least = Infinity;
    eachStep(this.#arrays, this.#ahead.over, from, (to) => {
      if (to < least && counts(to)) least = to;
    });
    return least;
  }
}
