import { describe, expect, it } from 'vitest';
import { compareWithout, revise } from '../../src/graph/reasoning/revision.ts';
import { link, standingOf, stated } from '../support/small-standing.ts';
import type { SmallBelief, SmallEdge } from '../support/small-standing.ts';

function strengthsOf(beliefs: readonly SmallBelief[], edges: readonly SmallEdge[]): number[] {
  return [...revise(standingOf({ beliefs, edges })).strength];
}

function groundedOf(beliefs: readonly SmallBelief[], edges: readonly SmallEdge[]): number[] {
  return [...revise(standingOf({ beliefs, edges })).grounded];
}

const sourced = (trusted: number): SmallBelief => ({ ...stated(0.5), named: 1, trusted });

describe('which beliefs have a ground', () => {
  it('is theirs by a source that is not retired, or by having been stated', () => {
    expect(groundedOf([stated(), sourced(1), sourced(0), stated(1, 'disputed')], [])).toEqual([1, 1, 0, 1]);
    expect(groundedOf([stated(1, 'archived'), stated(1, 'superseded')], [])).toEqual([0, 0]);
  });

  it('is passed on from premise to conclusion, and no circle makes one', () => {
    const circle = [link(0, 1, 'derives_from'), link(1, 2, 'derives_from'), link(2, 0, 'derives_from')];
    expect(groundedOf([stated(), stated(), stated()], circle)).toEqual([0, 0, 0]);
    expect(groundedOf([stated(), stated(), sourced(1)], circle)).toEqual([1, 1, 1]);
    expect(groundedOf([stated(), sourced(0), stated()], [...circle, link(1, 2, 'supports')])).toEqual([0, 0, 0]);
  });

  it('does not pass an edge of weight 0, nor a belief out of use', () => {
    expect(groundedOf([stated(), stated()], [link(0, 1, 'derives_from', 0)])).toEqual([0, 1]);
    expect(groundedOf([stated(), stated(1, 'archived')], [link(0, 1, 'derives_from')])).toEqual([0, 0]);
    expect(
      groundedOf(
        [stated(), stated(1, 'superseded'), stated()],
        [link(0, 1, 'derives_from'), link(1, 2, 'derives_from')],
      ),
    ).toEqual([0, 0, 1]);
  });

  it('is not given by what only supports', () => {
    expect(groundedOf([sourced(0), stated()], [link(1, 0, 'supports')])).toEqual([0, 1]);
  });
});

describe('how strong a belief is', () => {
  it('is its confidence where nothing speaks for or against it', () => {
    expect(strengthsOf([stated(0.25), stated(0.75, 'archived'), sourced(0)], [])).toEqual([0.25, 0, 0]);
  });

  it('follows the formula for one reason', () => {
    // ½ · 0.5 · 1 = 0.25 for a balance; h(0.25 / 2.5) = 0.1 / 1.1.
    const [supported] = strengthsOf([stated(0.5), stated(1)], [link(1, 0, 'supports', 0.5)]);
    expect(supported).toBeCloseTo(0.5 + 0.5 * (0.1 / 1.1), 12);
    const [derived] = strengthsOf([stated(0.5), stated(1)], [link(0, 1, 'derives_from', 0.5)]);
    expect(derived).toBe(supported);
  });

  it('weakens both ends of a contradiction alike, the weaker end more', () => {
    const [a, b] = strengthsOf([stated(0.5), stated(0.5)], [link(0, 1, 'contradicts')]);
    expect(a).toBe(b);
    expect(a).toBeLessThan(0.5);
    const [strong, weak] = strengthsOf([stated(0.9), stated(0.3)], [link(0, 1, 'contradicts')]);
    expect(strong! / 0.9).toBeGreaterThan(weak! / 0.3);
  });

  it('is no certainty for a thousand weak reasons', () => {
    const beliefs = [stated(0.5), ...Array.from({ length: 1000 }, () => stated(0.1))];
    const edges = Array.from({ length: 1000 }, (_, at) => link(at + 1, 0, 'supports'));
    const [hub] = strengthsOf(beliefs, edges);
    expect(hub).toBeLessThan(0.53);
    expect(hub).toBeGreaterThan(strengthsOf(beliefs, edges.slice(0, 1))[0]!);
  });

  it('of a hub with 100,000 supporters is what its strongest ones make of it', () => {
    const count = 100_000;
    // Ascending, so that each one is stronger than all before.
    const beliefs = [stated(0.5), ...Array.from({ length: count }, (_, at) => stated((at + 1) / count))];
    const edges = Array.from({ length: count }, (_, at) => link(at + 1, 0, 'supports'));
    const { strength, rounds } = revise(standingOf({ beliefs, edges }));
    const terms = [...strength.subarray(1)].sort((a, b) => b - a);
    const balance = terms.reduceRight((sum, term) => (sum + term) / 2, 0) / 2.5;
    expect(Math.abs(strength[0]! - (0.5 + 0.5 * (balance / (1 + balance))))).toBeLessThan(4e-12);
    expect(rounds).toBe(2);
  });

  it('comes from a confidence that no constraint checked without spoiling others', () => {
    const [odd, other] = strengthsOf([stated(NaN), stated(0.5)], [link(0, 1, 'supports')]);
    expect([odd, other]).toEqual([0, 0.5]);
  });
});

describe('what falls', () => {
  // 1 and 2 derive from 0, 2 also from 3; 4 is supported by 1.
  const beliefs = [sourced(1), stated(0.8), stated(0.6), stated(0.5), stated(0.5)];
  const edges = [
    link(1, 0, 'derives_from'),
    link(2, 0, 'derives_from'),
    link(2, 3, 'derives_from'),
    link(1, 4, 'supports'),
  ];

  it('with a belief is what derives from it alone; what it supported is weaker', () => {
    const { losses } = compareWithout(standingOf({ beliefs, edges }), { beliefs: [0], edges: [], sources: [] });
    expect(losses).toEqual({ ungrounded: [1], weakened: [4, 2] });
  });

  it('with a source is the belief that names no other, and what rests on it', () => {
    const removal = { beliefs: [], edges: [], sources: [Int32Array.of(0)] };
    const { losses, before, after } = compareWithout(standingOf({ beliefs, edges }), removal);
    expect(losses.ungrounded).toEqual([1, 0]);
    expect([before.strength[0], after.strength[0]]).toEqual([0.5, 0]);
    const twice = beliefs.map((belief, at) => (at === 0 ? { ...belief, named: 2, trusted: 2 } : belief));
    expect(compareWithout(standingOf({ beliefs: twice, edges }), removal).losses).toEqual({
      ungrounded: [],
      weakened: [],
    });
  });

  it('with an edge is what is left when it is retired: its source is stated, no longer derived', () => {
    const { losses } = compareWithout(standingOf({ beliefs, edges }), { beliefs: [], edges: [0], sources: [] });
    expect(losses).toEqual({ ungrounded: [], weakened: [1, 4] });
  });
});
