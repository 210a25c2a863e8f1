import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { groundedBeliefs } from '../../src/graph/reasoning/grounds.ts';
import { compareWithout, revise } from '../../src/graph/reasoning/revision.ts';
import { roundOf, runRound, strengths } from '../../src/graph/reasoning/strengths.ts';
import type { Round } from '../../src/graph/reasoning/strengths.ts';
import { smallGraphs, standingOf, stated } from '../support/small-standing.ts';
import type { SmallEdge, SmallGraph } from '../support/small-standing.ts';

const SEED = { seed: 2026, numRuns: process.env['SLOW'] === '1' ? 5000 : 500 };

const used = ({ beliefs }: SmallGraph, at: number): boolean => ['active', 'disputed'].includes(beliefs[at]!.status);

/** By the definition: all that follows, added until nothing more does. */
function grounded(graph: SmallGraph): boolean[] {
  const { beliefs, edges } = graph;
  const derivations = edges.filter(({ type }) => type === 'derives_from');
  const is = beliefs.map(
    ({ named, trusted }, at) =>
      used(graph, at) && (trusted > 0 || (named === 0 && !derivations.some(({ source }) => source === at))),
  );
  for (let changed = true; changed;) {
    changed = false;
    for (const { source, target, weight } of derivations) {
      if (!is[target] || weight === 0 || is[source] || !used(graph, source)) continue;
      is[source] = changed = true;
    }
  }
  return is;
}

function aggregate(terms: readonly number[]): number {
  return terms.toSorted((a, b) => b - a).reduce((sum, term, rank) => sum + term / 2 ** (rank + 1), 0);
}

const h = (x: number): number => x / (1 + x);

/** Who bears on `b` by an edge, for it or against it. */
function bearing({ source, target, type }: SmallEdge, b: number): readonly (readonly ['pro' | 'contra', number])[] {
  if (type === 'supports') return target === b ? [['pro', source]] : [];
  if (type === 'derives_from') return source === b ? [['pro', target]] : [];
  if (type === 'supersedes' || (source !== b && target !== b)) return [];
  return [['contra', source === b ? target : source]];
}

/** One belief after the other by the formula, with all terms. */
function stepped(graph: SmallGraph, base: readonly number[], given: readonly number[]): number[] {
  return given.map((_, b) => {
    if (!used(graph, b)) return 0;
    const terms = { pro: [] as number[], contra: [] as number[] };
    for (const edge of graph.edges) {
      for (const [side, other] of bearing(edge, b)) {
        if (used(graph, other)) terms[side].push(Math.fround(edge.weight) * given[other]!);
      }
    }
    const [w, a] = [base[b]!, (aggregate(terms.pro) - aggregate(terms.contra)) / 2.5];
    return a >= 0 ? w + (1 - w) * h(a) : w - w * h(-a);
  });
}

function expectedStrengths(graph: SmallGraph): number[] {
  const base = grounded(graph).map((is, at) => (is ? Math.fround(graph.beliefs[at]!.confidence) : 0));
  let strength = base.map(() => 0.5);
  for (let round = 0; round < 150; round += 1) strength = stepped(graph, base, strength);
  return strength;
}

const distance = (a: Float64Array, b: Float64Array): number =>
  a.reduce((largest, value, at) => Math.max(largest, Math.abs(value - b[at]!)), 0);

/** Strengths of beliefs that count for nothing stay 0 in every state. */
function randomStrengths(values: readonly number[], round: Round): Float64Array {
  const borneOn = new Set(round.borneOn);
  return Float64Array.from(round.base, (base, at) => (borneOn.has(at) ? values[at % values.length]! : base));
}

describe('belief revision on random graphs', () => {
  it('grounds what the definition grounds', () => {
    fc.assert(
      fc.property(smallGraphs(), (graph) => {
        expect([...groundedBeliefs(standingOf(graph))].map((bit) => bit === 1)).toEqual(grounded(graph));
      }),
      SEED,
    );
  });

  it('finds the strengths of the formula', () => {
    fc.assert(
      fc.property(smallGraphs(), (graph) => {
        const { strength, rounds, residual } = revise(standingOf(graph));
        const expected = expectedStrengths(graph);
        for (const [at, value] of strength.entries()) expect(Math.abs(value - expected[at]!)).toBeLessThan(1e-8);
        expect(rounds).toBeLessThanOrEqual(93);
        expect(residual).toBeLessThan(1e-9);
      }),
      SEED,
    );
  });

  it('brings any two states nearer by a fifth a round, so that there is one fixed point', () => {
    const values = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 9 });
    fc.assert(
      fc.property(smallGraphs(), values, values, (graph, left, right) => {
        const standing = standingOf(graph);
        const round = roundOf(standing, groundedBeliefs(standing));
        let [a, b] = [randomStrengths(left, round), randomStrengths(right, round)];
        for (let count = 0; count < 110; count += 1) {
          const [nextA, nextB] = [round.base.slice(), round.base.slice()];
          const apart = distance(a, b);
          runRound(round, a, nextA);
          runRound(round, b, nextB);
          expect(distance(nextA, nextB)).toBeLessThanOrEqual(0.8 * apart + 1e-15);
          [a, b] = [nextA, nextB];
        }
        expect(distance(a, b)).toBeLessThan(1e-10);
        expect(distance(a, revise(standing).strength)).toBeLessThan(1e-8);
      }),
      SEED,
    );
  });

  it('gives the same bits whatever the numbers of beliefs and the order of edges', () => {
    const shuffled = smallGraphs().chain((graph) =>
      fc.record({
        graph: fc.constant(graph),
        order: fc.shuffledSubarray([...graph.beliefs.keys()], { minLength: graph.beliefs.length }),
        edges: fc.shuffledSubarray([...graph.edges], { minLength: graph.edges.length }),
      }),
    );
    fc.assert(
      fc.property(shuffled, ({ graph, order, edges }) => {
        const place = new Map(order.map((was, is) => [was, is]));
        const other: SmallGraph = {
          beliefs: order.map((was) => graph.beliefs[was]!),
          edges: edges.map((edge) => ({
            ...edge,
            source: place.get(edge.source)!,
            target: place.get(edge.target)!,
          })),
        };
        const [first, second] = [revise(standingOf(graph)), revise(standingOf(other))];
        expect([...second.strength]).toEqual(order.map((was) => first.strength[was]));
        expect([...second.grounded]).toEqual(order.map((was) => first.grounded[was]));
        expect(second.rounds).toBe(first.rounds);
      }),
      SEED,
    );
  });

  it('never lowers what gains a supporter, nor raises what a new belief contradicts', () => {
    fc.assert(
      fc.property(smallGraphs(), fc.nat(8), fc.nat(8), (graph, from, to) => {
        const size = graph.beliefs.length;
        const [source, target] = [from % size, to % size];
        const before = revise(standingOf(graph)).strength;
        const contradicted: SmallGraph = {
          beliefs: [...graph.beliefs, stated(0.9)],
          edges: [...graph.edges, { source: target, target: size, type: 'contradicts', weight: 1 }],
        };
        expect(revise(standingOf(contradicted)).strength[target]).toBeLessThanOrEqual(before[target]! + 1e-8);
        if (source === target) return;
        const edges = [...graph.edges, { source, target, type: 'supports', weight: 0.5 } as const];
        expect(revise(standingOf({ ...graph, edges })).strength[target]).toBeGreaterThanOrEqual(before[target]! - 1e-8);
      }),
      SEED,
    );
  });

  it('lends nothing from what is superseded or archived', () => {
    fc.assert(
      fc.property(smallGraphs(), (graph) => {
        const { strength, grounded: is } = revise(standingOf(graph));
        const edges = graph.edges.filter(({ source, target }) => used(graph, source) && used(graph, target));
        // Of an edge that derives from such a belief it stays that its source was derived.
        const kept = graph.edges.filter((edge) => edges.includes(edge) || edge.type === 'derives_from');
        expect([...revise(standingOf({ ...graph, edges: kept })).strength]).toEqual([...strength]);
        graph.beliefs.forEach((_, at) => {
          if (!used(graph, at)) expect([strength[at], is[at]]).toEqual([0, 0]);
        });
      }),
      SEED,
    );
  });

  it('tells what falls as two states apart from each other do', () => {
    fc.assert(
      fc.property(smallGraphs(), fc.nat(8), (graph, which) => {
        const gone = which % graph.beliefs.length;
        const edge = graph.edges.length === 0 ? -1 : which % graph.edges.length;
        const after: SmallGraph = {
          beliefs: graph.beliefs.map((belief, at) =>
            at === gone
              ? { ...belief, status: 'archived' }
              : { ...belief, trusted: Math.max(0, belief.trusted - (at % 2)) },
          ),
          edges: graph.edges.filter((_, at) => at !== edge),
        };
        const naming = Int32Array.from(graph.beliefs.keys()).filter(
          (at) => at !== gone && graph.beliefs[at]!.trusted > after.beliefs[at]!.trusted,
        );
        const removal = { beliefs: [gone], edges: edge < 0 ? [] : [edge], sources: [naming] };
        const comparison = compareWithout(standingOf(graph), removal);
        const expected = revise(standingOf(after));
        expect(comparison.after).toEqual(expected);
        expect(comparison.before).toEqual(revise(standingOf(graph)));
        const { ungrounded, weakened } = comparison.losses;
        const [was, is] = [grounded(graph), grounded(after)];
        expect(ungrounded.toSorted((a, b) => a - b)).toEqual(
          [...was.keys()].filter((at) => at !== gone && was[at] && !is[at]),
        );
        for (const list of [ungrounded, weakened]) {
          const falls = list.map((at) => comparison.before.strength[at]! - expected.strength[at]!);
          expect(falls).toEqual(falls.toSorted((a, b) => b - a));
        }
        expect(weakened.every((at) => !ungrounded.includes(at) && at !== gone)).toBe(true);
      }),
      SEED,
    );
  });

  it('starts from nothing as from anything', () => {
    const standing = standingOf({ beliefs: [], edges: [] });
    expect(strengths(standing, groundedBeliefs(standing))).toMatchObject({ rounds: 1, residual: 0 });
  });
});
