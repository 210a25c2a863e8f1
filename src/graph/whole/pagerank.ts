import type { WeightedSteps } from './weighted-steps.ts';

/** Of what a belief has, the part that it gives to those it votes for. */
const DAMPING = 0.85;
/** How far the result is from the exact one at most, summed over all beliefs. */
const ERROR_MAX = 1e-9;
/** A round takes the distance to the exact result to 0.85 of itself; 144 are enough from anywhere. */
const ROUNDS_MAX = 200;

export interface RankQuery {
  /** For each belief those that vote for it. A vote of weight 0 is none. */
  readonly voters: WeightedSteps;
  /** A byte a belief, 1 where it takes part; no vote comes from or goes to another. */
  readonly beliefs: Uint8Array;
  /** Personalised rank: where the rest of the rank starts from. Left out: from all alike. */
  readonly around?: readonly number[] | undefined;
}

/**
 * PageRank (Brin and Page 1998; personalised: Haveliwala 2002) by power iteration: the part of the time that somebody spends at
 * each belief who goes on along a vote with probability 0.85, chosen by weight, and else starts anew: at any belief, or at
 * those of `around`. Whoever stands at a belief that casts no vote starts anew, too. The sum over all is 1; within 1e-9 of the
 * exact solution in L1. The same to the last digit however edges are numbered.
 */
export function pageRank({ voters, beliefs, around }: RankQuery): Float64Array {
  const start = startingPoints(beliefs, around);
  const share = voteShares(voters);
  const given = new Float64Array(start.length);
  let ranks = start.slice();
  let next = new Float64Array(start.length);
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const change = iterate(voters, { start, share, ranks, given, next });
    [ranks, next] = [next, ranks];
    // What is left to go is a geometric series that begins with this change.
    if (change * (DAMPING / (1 - DAMPING)) <= ERROR_MAX) break;
  }
  return ranks;
}

interface Round {
  readonly start: Float64Array;
  readonly share: Float64Array;
  readonly ranks: Float64Array;
  /** What a vote of weight 1 carries in this round, by voter: looked up by edge, at random, so it is one number. */
  readonly given: Float64Array;
  readonly next: Float64Array;
}

/** Writes `given` and `next`; gives the distance of `next` from `ranks`. */
function iterate({ offsets, ends, weights }: WeightedSteps, { start, share, ranks, given, next }: Round): number {
  let anew = 1 - DAMPING;
  for (let belief = 0; belief < ranks.length; belief += 1) {
    given[belief] = share[belief]! * ranks[belief]!;
    if (share[belief] === 0) anew += DAMPING * ranks[belief]!;
  }
  let change = 0;
  for (let belief = 0; belief < ranks.length; belief += 1) {
    let votes = 0;
    for (let step = offsets[belief]!; step < offsets[belief + 1]!; step += 1) {
      votes += given[ends[step]!]! * weights[step]!;
    }
    next[belief] = anew * start[belief]! + DAMPING * votes;
    change += Math.abs(next[belief]! - ranks[belief]!);
  }
  return change;
}

/** What a vote of weight 1 counts for, by voter: 1 / the sum of its votes; 0 where it casts none. */
function voteShares({ offsets, ends, weights }: WeightedSteps): Float64Array {
  const sums = new Float64Array(offsets.length - 1);
  ends.forEach((voter, step) => {
    sums[voter]! += weights[step]!;
  });
  return sums.map((sum) => (sum === 0 ? 0 : 1 / sum));
}

function startingPoints(beliefs: Uint8Array, around: readonly number[] | undefined): Float64Array {
  const start = new Float64Array(beliefs.length);
  if (around === undefined) beliefs.forEach((takesPart, belief) => (start[belief] = takesPart));
  else for (const belief of around) start[belief] = 1;
  let count = 0;
  for (const mark of start) count += mark;
  return count === 0 ? start : start.map((mark) => mark / count);
}
