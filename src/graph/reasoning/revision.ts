import { groundedBeliefs } from './grounds.ts';
import { strengths } from './strengths.ts';
import type { Strengths } from './strengths.ts';
import { without } from './standing.ts';
import type { Removal, Standing } from './standing.ts';

/** What the reasons make of each belief; by its number. */
export interface Revision extends Strengths {
  /** 1: it has a ground. */
  readonly grounded: Uint8Array;
}

/** What beliefs lose between two states: numbers of beliefs, the largest fall first, equal ones by number. */
export interface Losses {
  /** They had a ground and have none. */
  readonly ungrounded: readonly number[];
  /** Of the others, those whose strength falls by more than 0.001. */
  readonly weakened: readonly number[];
}

export interface Comparison {
  readonly before: Revision;
  readonly after: Revision;
  readonly losses: Losses;
}

const WEAKENED_BY = 0.001;

export function revise(standing: Standing): Revision {
  const grounded = groundedBeliefs(standing);
  return { grounded, ...strengths(standing, grounded) };
}

/** What falls with the removal; what is removed is not itself among it. */
export function compareWithout(standing: Standing, removal: Removal): Comparison {
  const [before, after] = [revise(standing), revise(without(standing, removal))];
  return { before, after, losses: lossesBetween(before, after, new Set(removal.beliefs)) };
}

export function lossesBetween(before: Revision, after: Revision, except: ReadonlySet<number>): Losses {
  const ungrounded: number[] = [];
  const weakened: number[] = [];
  const fall = (belief: number): number => before.strength[belief]! - after.strength[belief]!;
  for (let belief = 0; belief < before.strength.length; belief += 1) {
    if (except.has(belief)) continue;
    if (before.grounded[belief] === 1 && after.grounded[belief] === 0) ungrounded.push(belief);
    else if (fall(belief) > WEAKENED_BY) weakened.push(belief);
  }
  const byFall = (a: number, b: number): number => fall(b) - fall(a) || a - b;
  return { ungrounded: ungrounded.sort(byFall), weakened: weakened.sort(byFall) };
}
