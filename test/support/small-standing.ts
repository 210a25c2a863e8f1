import fc from 'fast-check';
import { standingAt } from '../../src/graph/reasoning/standing.ts';
import type { Standing } from '../../src/graph/reasoning/standing.ts';
import { EDGE_TYPES } from '../../src/graph/records/vocabulary.ts';
import type { BeliefStatus, EdgeType } from '../../src/graph/records/vocabulary.ts';
import { arraysOf } from './graph-arrays.ts';

/** Small knowledge bases in which a test can look at everything, and the arrays made of them. */

export interface SmallBelief {
  readonly confidence: number;
  readonly status: BeliefStatus;
  /** Sources it names, and those of them that are not retired. */
  readonly named: number;
  readonly trusted: number;
}

export interface SmallEdge {
  readonly source: number;
  readonly target: number;
  readonly type: EdgeType;
  readonly weight: number;
}

export interface SmallGraph {
  readonly beliefs: readonly SmallBelief[];
  readonly edges: readonly SmallEdge[];
}

/** Stated by its owner, without a source. */
export function stated(confidence = 1, status: BeliefStatus = 'active'): SmallBelief {
  return { confidence, status, named: 0, trusted: 0 };
}

export function link(source: number, target: number, type: EdgeType, weight = 1): SmallEdge {
  return { source, target, type, weight };
}

export function standingOf(graph: SmallGraph): Standing {
  const arrays = arraysOf({
    beliefs: graph.beliefs,
    edges: graph.edges.map(({ source, target, type, weight }) => [source, target, type, weight]),
  });
  const evidence = {
    named: Int32Array.from(graph.beliefs, ({ named }) => named),
    trusted: Int32Array.from(graph.beliefs, ({ trusted }) => trusted),
  };
  return standingAt(arrays, evidence, null);
}

const level = fc.constantFrom(0, 0.125, 0.3, 0.5, 0.75, 0.9, 1);

const smallBelief: fc.Arbitrary<SmallBelief> = fc
  .record({
    confidence: level,
    status: fc.constantFrom<BeliefStatus>('active', 'active', 'active', 'active', 'disputed', 'superseded', 'archived'),
    named: fc.constantFrom(0, 0, 1, 2),
    retired: fc.nat(2),
  })
  .map(({ retired, ...belief }) => ({ ...belief, trusted: Math.max(0, belief.named - retired) }));

/** Any graph of up to `most` beliefs, dense or sparse, with parallel edges and circles; no belief joined to itself. */
export function smallGraphs(most = 9): fc.Arbitrary<SmallGraph> {
  return fc.array(smallBelief, { minLength: 1, maxLength: most }).chain((beliefs) => {
    const end = fc.nat(beliefs.length - 1);
    const edge = fc.record({ source: end, target: end, type: fc.constantFrom(...EDGE_TYPES), weight: level });
    return fc
      .array(edge, { maxLength: 3 * most })
      .map((edges) => ({ beliefs, edges: edges.filter(({ source, target }) => source !== target) }));
  });
}
