import type { GraphArrays } from '../arrays/graph-arrays.ts';
import { beliefsValidAt, edgesValidAt } from '../arrays/validity.ts';
import { BELIEF_STATUSES, EDGE_TYPES } from '../records/vocabulary.ts';
import type { Evidence } from './evidence.ts';

/** A state of the knowledge whose reasons are weighed (docs/decisions/0016-graph-queries.md, Belief revision). */
export interface Standing {
  readonly arrays: GraphArrays;
  readonly evidence: Evidence;
  /** By belief, 1: active or disputed, and valid at the time that was asked for. Others stand for nothing. */
  readonly inUse: Uint8Array;
  /** By edge, 1: it counts; `null`: all do. */
  readonly counted: Uint8Array | null;
}

/** What is taken away, as if it were retired: numbers in the arrays. */
export interface Removal {
  readonly beliefs: readonly number[];
  readonly edges: readonly number[];
  /** Of each source that is not retired: the beliefs that name it. */
  readonly sources: readonly Int32Array[];
}

export const SUPPORTS: number = EDGE_TYPES.indexOf('supports');
export const CONTRADICTS: number = EDGE_TYPES.indexOf('contradicts');
export const DERIVES_FROM: number = EDGE_TYPES.indexOf('derives_from');

const ACTIVE = BELIEF_STATUSES.indexOf('active');
const DISPUTED = BELIEF_STATUSES.indexOf('disputed');

/** The state at a time, in microseconds since 2000; `null`: all live edges and all beliefs in use, whatever their validity. */
export function standingAt(arrays: GraphArrays, evidence: Evidence, asOf: bigint | null): Standing {
  const { beliefs, edges } = arrays;
  const [beliefIsValid, edgeIsValid] = [beliefsValidAt(arrays, asOf), edgesValidAt(arrays, asOf)];
  const inUse = new Uint8Array(beliefs.count);
  for (let belief = 0; belief < beliefs.count; belief += 1) {
    const used = beliefs.status[belief] === ACTIVE || beliefs.status[belief] === DISPUTED;
    if (used && beliefIsValid?.(belief) !== false) inUse[belief] = 1;
  }
  if (edgeIsValid === null) return { arrays, evidence, inUse, counted: null };
  const counted = new Uint8Array(edges.count);
  for (let edge = 0; edge < edges.count; edge += 1) if (edgeIsValid(edge)) counted[edge] = 1;
  return { arrays, evidence, inUse, counted };
}

/** The state after the removal; the one before stays as it is. */
export function without(standing: Standing, { beliefs, edges, sources }: Removal): Standing {
  const { arrays, evidence } = standing;
  const inUse = standing.inUse.slice();
  for (const belief of beliefs) inUse[belief] = 0;
  const counted = standing.counted?.slice() ?? new Uint8Array(arrays.edges.count).fill(1);
  for (const edge of edges) counted[edge] = 0;
  const trusted = evidence.trusted.slice();
  for (const naming of sources) for (const belief of naming) trusted[belief]! -= 1;
  return { arrays, evidence: { named: evidence.named, trusted }, inUse, counted };
}
