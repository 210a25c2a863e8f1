import { bearing, distances } from './walks.ts';
import type { Seen, World, WorldEdge } from './world.ts';

/** Grounds, strengths and contradictions, each by its definition. */

export interface Standing {
  readonly grounded: boolean;
  readonly strength: number;
}

export interface Without {
  /** Beliefs and sources taken to be retired. */
  readonly beliefs?: readonly string[] | undefined;
  readonly sources?: readonly string[] | undefined;
  readonly edges?: readonly string[] | undefined;
}

export function standings(world: World, seen: Seen, without: Without = {}): ReadonlyMap<string, Standing> {
  const edges = seen.edges.filter(({ id }) => !(without.edges ?? []).includes(id));
  const isIn = (id: string): boolean => {
    const { status } = seen.beliefs.get(id)!;
    return (status === 'active' || status === 'disputed') && !(without.beliefs ?? []).includes(id);
  };
  const ids = [...seen.beliefs.keys()];
  const grounded = groundedOf(world, { beliefs: seen.beliefs, edges }, { isIn, retired: new Set(without.sources) });
  const reasons = new Map(
    ids.map((id) => [id, { for: lenders(edges, id, speaksFor), against: lenders(edges, id, speaksAgainst) }]),
  );
  let strength = new Map(ids.map((id) => [id, 0]));
  // 0.8 to this power is below 1e-9.
  for (let round = 0; round < 100; round += 1) {
    const before = strength;
    const lent = (list: readonly Lender[]): number => aggregate(list.map(({ weight, id }) => weight * before.get(id)!));
    const next = (id: string): number => {
      if (!isIn(id)) return 0;
      const base = grounded.has(id) ? seen.beliefs.get(id)!.confidence : 0;
      return influenced(base, lent(reasons.get(id)!.for) - lent(reasons.get(id)!.against));
    };
    strength = new Map(ids.map((id) => [id, next(id)]));
  }
  return new Map(ids.map((id) => [id, { grounded: grounded.has(id), strength: strength.get(id)! }]));
}

interface Lender {
  readonly id: string;
  readonly weight: number;
}

function lenders(
  edges: readonly WorldEdge[],
  id: string,
  speaking: (edge: WorldEdge, id: string) => string | null,
): readonly Lender[] {
  return edges.flatMap((edge) => {
    const other = speaking(edge, id);
    return other === null ? [] : [{ id: other, weight: Math.fround(edge.weight) }];
  });
}

interface GroundRules {
  readonly isIn: (id: string) => boolean;
  readonly retired: ReadonlySet<string>;
}

/** The least set: whatever has a ground because of what is in it already, until nothing is added. */
function groundedOf(world: World, { beliefs, edges }: Seen, { isIn, retired }: GroundRules): ReadonlySet<string> {
  const trusted = new Set(
    world.sources
      .filter((source) => source.retired_at === null && !retired.has(source.source_id))
      .map((source) => source.source_id),
  );
  const grounded = new Set<string>();
  for (let before = -1; before !== grounded.size;) {
    before = grounded.size;
    for (const { id, sources } of world.beliefs) {
      if (!beliefs.has(id) || !isIn(id)) continue;
      const premises = edges.filter(({ edge_type: type, source }) => type === 'derives_from' && source === id);
      const hasEvidence =
        sources.some((source) => trusted.has(source)) || (sources.length === 0 && premises.length === 0);
      if (hasEvidence || premises.some(({ weight, target }) => weight > 0 && grounded.has(target))) grounded.add(id);
    }
  }
  return grounded;
}

function speaksFor({ edge_type: type, source, target }: WorldEdge, id: string): string | null {
  if (type === 'supports' && target === id) return source;
  return type === 'derives_from' && source === id ? target : null;
}

function speaksAgainst({ edge_type: type, source, target }: WorldEdge, id: string): string | null {
  if (type !== 'contradicts') return null;
  if (target === id) return source;
  return source === id ? target : null;
}

/** Half of the strongest, a quarter of the next, … */
function aggregate(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => b - a);
  return sorted.reduce((total, value, index) => total + value / 2 ** (index + 1), 0);
}

const KAPPA = 2.5;

function influenced(base: number, energy: number): number {
  const h = (x: number): number => x / (1 + x);
  return energy >= 0 ? base + (1 - base) * h(energy / KAPPA) : base - base * h(-energy / KAPPA);
}

export interface Losses {
  /** Ids, the largest fall first, then by id; those whose falls are nearly equal may stand in any order. */
  readonly ungrounded: readonly Fall[];
  readonly weakened: readonly Fall[];
}

export interface Fall {
  readonly id: string;
  readonly fall: number;
}

/** What others lose when these are retired. */
export function losses(world: World, seen: Seen, without: Without): Losses {
  const [before, after] = [standings(world, seen), standings(world, seen, without)];
  const others = [...before.keys()].filter((id) => !(without.beliefs ?? []).includes(id));
  const falls = others.map((id) => ({ id, fall: before.get(id)!.strength - after.get(id)!.strength }));
  const losesGround = ({ id }: Fall): boolean => before.get(id)!.grounded && !after.get(id)!.grounded;
  const sorted = falls.sort((a, b) => b.fall - a.fall || (a.id < b.id ? -1 : 1));
  return {
    ungrounded: sorted.filter(losesGround),
    weakened: sorted.filter((each) => !losesGround(each) && each.fall > 0.001),
  };
}

export interface OpenContradiction {
  readonly edge: string;
  readonly stake: number;
  /** Nearest first, as `distance id`, the distance being the sum of both. */
  readonly grounds: readonly string[];
}

/** Greatest stake first, then by id; a stake is what it is in decimals. */
export function openContradictions(seen: Seen): readonly OpenContradiction[] {
  const open = seen.edges.filter(
    ({ edge_type: type, source, target }) =>
      type === 'contradicts' &&
      [source, target].every((id) => ['active', 'disputed'].includes(seen.beliefs.get(id)!.status)),
  );
  const found = open.map(({ id, source, target, weight }) => {
    const confidences = [source, target].map((end) => seen.beliefs.get(end)!.confidence);
    return {
      edge: id,
      stake: weight * Math.min(...confidences),
      grounds: commonGrounds(seen, source, target),
    };
  });
  return found.sort((a, b) => Number((b.stake - a.stake).toFixed(12)) || (a.edge < b.edge ? -1 : 1));
}

function commonGrounds(seen: Seen, one: string, other: string): readonly string[] {
  const grounds = [...seen.beliefs.keys()].flatMap((id) => {
    const reached = distances(seen, [id], bearing);
    const [near, far] = [reached.get(one), reached.get(other)];
    return near === undefined || far === undefined ? [] : [{ id, sum: near + far }];
  });
  return grounds.sort((a, b) => a.sum - b.sum || (a.id < b.id ? -1 : 1)).map(({ id, sum }) => `${sum} ${id}`);
}
