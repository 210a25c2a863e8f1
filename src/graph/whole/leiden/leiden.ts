import { aggregated } from './community-graph.ts';
import type { CommunityGraph } from './community-graph.ts';
import { moveNodes } from './local-moving.ts';
import { modularity } from './modularity.ts';
import { refine } from './refinement.ts';

export interface Communities {
  /** The community of each node; numbers below that of the nodes. */
  readonly community: Int32Array;
  readonly modularity: number;
}

/** Runs of the whole algorithm, each from the communities of the one before. The paper finds little gain after a few. */
const RUNS_MAX = 10;
/** Aggregations of one run: each leaves fewer nodes; in practice there are five or so. */
const LEVELS_MAX = 100;
/** A run that gains less is the last. */
const RUN_GAIN_MIN = 1e-9;

/**
 * Communities of high modularity by the Leiden algorithm (Traag, Waltman and van Eck 2019: local moving, refinement, aggregation), run
 * until it gains nothing more. Nodes are visited in the order of their numbers and nothing is random, so that the same graph gives the same
 * communities, each connected. Near linear in practice; bounded in any case.
 */
export function leiden(graph: CommunityGraph, resolution: number): Communities {
  const apart = singletons(graph.count);
  let best: Communities = { community: apart, modularity: modularity(graph, apart, resolution) };
  if (graph.total === 0) return best;
  for (let run = 0; run < RUNS_MAX; run += 1) {
    const community = oneRun(graph, best.community, resolution);
    const quality = modularity(graph, community, resolution);
    const gained = quality - best.modularity;
    if (gained > 0) best = { community, modularity: quality };
    if (gained <= RUN_GAIN_MIN) break;
  }
  return best;
}

/** Ends with each community a single node of the last aggregation, which refinement made, and so connected. */
function oneRun(base: CommunityGraph, from: Int32Array, resolution: number): Int32Array {
  let graph = base;
  let community: Int32Array = from.slice();
  /** The node of `graph` that each node of `base` has become part of. */
  let part: Int32Array = singletons(base.count);
  for (let level = 0; level < LEVELS_MAX; level += 1) {
    moveNodes(graph, community, resolution);
    const refined = renumbered(refine(graph, community, resolution));
    part = part.map((node) => refined.sets[node]!);
    if (refined.count === graph.count) break;
    community = communitiesOfSets(community, refined.sets, refined.count);
    graph = aggregated(graph, refined.sets, refined.count);
  }
  return part;
}

/** The community of each set, called after the first set of it. */
function communitiesOfSets(community: Int32Array, sets: Int32Array, count: number): Int32Array {
  const first = new Int32Array(community.length).fill(-1);
  const of = new Int32Array(count);
  sets.forEach((set, node) => {
    const was = community[node]!;
    if (first[was] === -1) first[was] = set;
    of[set] = first[was]!;
  });
  return of;
}

/** Sets numbered from 0 in the order of their first nodes. */
function renumbered(sets: Int32Array): { readonly sets: Int32Array; readonly count: number } {
  const number = new Int32Array(sets.length).fill(-1);
  let count = 0;
  for (const set of sets) if (number[set] === -1) number[set] = count++;
  return { sets: sets.map((set) => number[set]!), count };
}

function singletons(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, node) => node);
}
