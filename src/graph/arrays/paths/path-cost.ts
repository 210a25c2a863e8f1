/**
 * What a step costs when the strongest path is looked for: −log2 of its weight, in whole units of 2^-40, rounded up, and
 * `HOP_COST` for being a step at all. Sums of whole numbers are exact, so a path costs the same whatever end it is summed
 * from, and no result depends on the order of a search. Powers of two cost a whole number of bits: 0.5 · 0.5 is 0.25.
 *
 * So "equal" has a tolerance: a longer path counts as stronger only if its product is greater by more than about one part
 * in 10^9 for each further hop, which is above what rounding can do to paths of up to a thousand hops, and below what
 * weights of single precision can tell apart.
 */
export function stepCost(weight: number): number {
  if (!(weight > 0)) return Infinity;
  const exponent = Math.floor(Math.log2(weight));
  const bits = Math.ceil(-Math.log2(weight / 2 ** exponent) * BIT_COST) - exponent * BIT_COST;
  return Math.max(bits, 0) + HOP_COST;
}

/** Of a factor ½. */
export const BIT_COST: number = 2 ** 40;
export const HOP_COST: number = 2 ** 10;

/** A weaker path is as good as none: its strength would be 0 in double precision. Sums up to here are exact. */
export const PATH_COST_MAX: number = 1022 * BIT_COST;
