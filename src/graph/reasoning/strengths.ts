import { reasonsOf } from './reasons.ts';
import type { Reasons } from './reasons.ts';
import type { Standing } from './standing.ts';

/** Strengths that no further round would change by 1e-9. */
export interface Strengths {
  /** By belief, 0..1. */
  readonly strength: Float64Array;
  readonly rounds: number;
  /** The largest change of the last round; the strengths are at most four times as far from the fixed point. */
  readonly residual: number;
}

/** One round over a standing: what the strengths of all beliefs make of each of them. */
export interface Round {
  /** Base scores, 0..1: where there are no reasons, the strength. */
  readonly base: Float64Array;
  readonly pro: Reasons;
  readonly contra: Reasons;
  /** Beliefs with reasons for or against; the others keep their base. */
  readonly borneOn: Int32Array;
}

const KAPPA = 2.5;
/** The change of a round that ends them. */
const RESIDUAL_MAX = 1e-9;
/** Never reached: a round leaves at most 0.8 of the change before, so 93 are enough. */
const ROUNDS_MAX = 200;
/**
 * Reasons counted of one belief: the 41st and all weaker ones together weigh less than 2^-40 of a reason, which changes a
 * strength by less than 4e-12 (2 · 2^-40 / κ in a round, five times that at the fixed point).
 */
const REASONS_MAX = 40;

/**
 * The fixed point of s(b) = ι(w(b), S(b) − A(b)): Jacobi iteration of a contraction, so there is one and only one, and any
 * start reaches it (docs/decisions/0016-graph-queries.md, with the papers). Sums are taken in the order of their terms, so
 * the numbering of beliefs and edges changes no bit.
 */
export function strengths(standing: Standing, grounded: Uint8Array): Strengths {
  const round = roundOf(standing, grounded);
  let strength: Float64Array = round.base.slice();
  let next: Float64Array = round.base.slice();
  let [rounds, residual] = [0, Infinity];
  while (rounds < ROUNDS_MAX && residual >= RESIDUAL_MAX) {
    residual = runRound(round, strength, next);
    [strength, next] = [next, strength];
    rounds += 1;
  }
  return { strength, rounds, residual };
}

export function roundOf(standing: Standing, grounded: Uint8Array): Round {
  const { count, confidence } = standing.arrays.beliefs;
  const { pro, contra } = reasonsOf(standing);
  const base = new Float64Array(count);
  const borneOn = new Int32Array(count);
  let borne = 0;
  for (let belief = 0; belief < count; belief += 1) {
    if (grounded[belief] === 1) base[belief] = unit(confidence[belief]!);
    const reasons =
      pro.offsets[belief + 1]! - pro.offsets[belief]! + contra.offsets[belief + 1]! - contra.offsets[belief]!;
    if (reasons > 0) borneOn[borne++] = belief;
  }
  return { base, pro, contra, borneOn: borneOn.subarray(0, borne) };
}

/** Writes the strengths after a round to `next`, which begins as the base or as an earlier round left it; gives the largest change. */
export function runRound({ base, pro, contra, borneOn }: Round, strength: Float64Array, next: Float64Array): number {
  const largest = new Float64Array(REASONS_MAX);
  let change = 0;
  for (const belief of borneOn) {
    const balance = aggregate(pro, belief, strength, largest) - aggregate(contra, belief, strength, largest);
    const value = influenced(base[belief]!, balance);
    change = Math.max(change, Math.abs(value - strength[belief]!));
    next[belief] = value;
  }
  return change;
}

/** Half of the strongest reason, a quarter of the next, and so on (Yager 1988). `largest` is room to work in. */
function aggregate(reasons: Reasons, belief: number, strength: Float64Array, largest: Float64Array): number {
  const end = reasons.offsets[belief + 1]!;
  let kept = 0;
  for (let at = reasons.offsets[belief]!; at < end; at += 1) {
    const term = reasons.weight[at]! * strength[reasons.from[at]!]!;
    if (term === 0 || (kept === REASONS_MAX && term <= largest[kept - 1]!)) continue;
    let place = kept < REASONS_MAX ? kept++ : kept - 1;
    for (; place > 0 && largest[place - 1]! < term; place -= 1) largest[place] = largest[place - 1]!;
    largest[place] = term;
  }
  // From the weakest on: ½(x₁ + ½(x₂ + …)).
  let sum = 0;
  for (let place = kept - 1; place >= 0; place -= 1) sum = (largest[place]! + sum) / 2;
  return sum;
}

/** ι of Potyka's 1-Max(κ): towards 1 for a balance above 0, towards 0 below. */
function influenced(base: number, balance: number): number {
  const share = Math.abs(balance) / KAPPA / (1 + Math.abs(balance) / KAPPA);
  return balance >= 0 ? base + (1 - base) * share : base - base * share;
}

/** What a constraint would have refused counts as nothing. */
function unit(confidence: number): number {
  return confidence >= 0 && confidence <= 1 ? confidence : 0;
}
