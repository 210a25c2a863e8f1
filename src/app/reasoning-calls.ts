import type { Belief, Source } from '../graph/records/belief-records.ts';
import type { GraphFinding } from '../graph/reasoning/check/finding.ts';
import type {
  Contradiction,
  Contradictions,
  ContradictionsOptions,
  Ground,
  Grounds,
} from '../graph/reasoning/contradictions.ts';
import type { Lineage, LineageBelief, LineageOptions, LineageStep } from '../graph/reasoning/lineage.ts';
import type { Lost, LostBelief, Support } from '../graph/reasoning/losses.ts';
import type { NamedRow } from '../graph/reasoning/named-row.ts';
import type { PropagatedBelief, PropagateOptions, Propagation } from '../graph/reasoning/propagation.ts';
import type { Supersession, SupersedingBelief } from '../graph/reasoning/supersession.ts';
import type { Budget } from '../graph/walk/budget.ts';
import type { View } from '../graph/walk/view.ts';

export type { Contradiction, Contradictions, ContradictionsOptions, Ground, GraphFinding, Grounds };
export type { Lineage, LineageBelief, LineageOptions, LineageStep, Lost, LostBelief, NamedRow, Support };
export type { PropagatedBelief, PropagateOptions, Propagation, Supersession, SupersedingBelief };

/** What asks the graph for reasons; a part of `GraphCalls`. docs/decisions/0016-graph-queries.md says what each one means. */
export interface ReasoningCalls {
  /** What a belief rests on, or what rests on it. @throws `graph/not-found` also where it is not in the view */
  lineage(id: string, options?: LineageOptions): Promise<Lineage>;
  /** The beliefs that name a source, and what falls if it is wrong. @throws `graph/not-found` */
  sourceLineage(id: string, options?: SourceLineageOptions): Promise<SourceLineage>;
  /** Whether an id, or the beginning of one, is that of a belief or of a source. @throws `graph/not-found`, `graph/refused` */
  beliefOrSource(id: string): Promise<NamedRow>;
  /** @throws `graph/not-found` also where it is not in the view */
  supersession(id: string, options?: SupersessionOptions): Promise<Supersession>;
  contradictions(options?: ContradictionsOptions): Promise<Contradictions>;
  /** How well each belief is supported. Writes nothing. */
  propagate(options?: PropagateOptions): Promise<Propagation>;
  /** What would be lost if these beliefs, sources and edges were retired. Writes nothing. @throws `graph/not-found` */
  whatIf(without: readonly string[], options?: WhatIfOptions): Promise<WhatIf>;
  /** What is wrong in the graph, and what is worth a look. Changes nothing. */
  check(): Promise<readonly GraphFinding[]>;
}

export interface SupersessionOptions extends View, Budget {}

export interface SourceLineageOptions {
  /** ISO 8601 with an offset: only what holds then. */
  readonly as_of?: string | undefined;
  /** At most so many of the beliefs that name it, and of those that are lost; 1,000 when left out. */
  readonly maxBeliefs?: number | undefined;
}

export interface SourceLineage {
  readonly type: 'source-lineage';
  readonly source: Source;
  readonly as_of: string | null;
  /** How many beliefs name it. */
  readonly named_by: number;
  /** By id. */
  readonly beliefs: readonly Belief[];
  /** What falls if it is wrong. */
  readonly lost: Lost;
}

export interface WhatIfOptions {
  /** At most so many of the beliefs that are lost; 20 when left out. */
  readonly limit?: number | undefined;
  readonly as_of?: string | undefined;
}

export interface WhatIf {
  readonly type: 'what-if';
  readonly without: readonly NamedRow[];
  readonly as_of: string | null;
  readonly lost: Lost;
}

/** What a retirement took with it. */
export interface Retirement {
  /** `null`: it was not computed, as the base has more than two million beliefs or live edges. */
  readonly lost: Lost | null;
}

export type RetiredBelief = Belief & Retirement;
export type RetiredSource = Source & Retirement;
