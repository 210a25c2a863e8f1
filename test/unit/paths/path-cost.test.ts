import { expect, test } from 'vitest';
import { BIT_COST, HOP_COST, stepCost } from '../../../src/graph/arrays/paths/path-cost.ts';

test('a step costs the bits of its weight, in whole units, and its hop', () => {
  for (let bits = 0; bits <= 149; bits += 1) expect(stepCost(2 ** -bits)).toBe(bits * BIT_COST + HOP_COST);
  for (const weight of [0.9, 0.75, 0.3, 1e-20, 1 - 2 ** -24].map(Math.fround)) {
    const cost = stepCost(weight) - HOP_COST;
    expect(Number.isSafeInteger(cost)).toBe(true);
    expect(Math.abs(cost / BIT_COST + Math.log2(weight))).toBeLessThan(1e-10);
    expect(stepCost(weight / 2) - stepCost(weight)).toBe(BIT_COST);
  }
  expect([stepCost(0), stepCost(-1), stepCost(NaN)]).toEqual([Infinity, Infinity, Infinity]);
});
