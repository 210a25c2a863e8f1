import type { BeliefStatus, EdgeType } from '../../../src/app/knowledge-calls.ts';

/** A knowledge base as plain lists, and what docs/decisions/0016-graph-queries.md says may be seen of it at a time. */

export interface Validity {
  readonly valid_from: string | null;
  readonly valid_until: string | null;
}

/** What a belief says, or said. */
export interface Statement extends Validity {
  readonly content: string;
  readonly confidence: number;
  readonly status: BeliefStatus;
}

export interface WorldBelief extends Statement {
  readonly id: string;
  readonly domains: readonly string[];
  readonly created_at: string;
  readonly updated_at: string;
  /** Of sources of `WorldSource`. */
  readonly sources: readonly string[];
  /** Oldest first. */
  readonly versions: readonly WorldVersion[];
}

export interface WorldVersion extends Statement {
  readonly recorded_at: string;
  readonly replaced_at: string;
}

export interface WorldEdge extends Validity {
  readonly id: string;
  readonly source: string;
  readonly target: string;
  readonly edge_type: EdgeType;
  readonly weight: number;
  readonly created_at: string;
  readonly retired_at: string | null;
}

export interface WorldSource {
  readonly source_id: string;
  readonly retired_at: string | null;
}

export interface World {
  readonly beliefs: readonly WorldBelief[];
  readonly edges: readonly WorldEdge[];
  readonly sources: readonly WorldSource[];
  /** Ids of beliefs that were made together; edges stay within. */
  readonly islands: readonly (readonly string[])[];
}

export interface View {
  readonly as_of?: string | undefined;
  readonly known_at?: string | undefined;
}

export interface SeenBelief extends Statement {
  readonly id: string;
}

/** The beliefs that are known and valid in a view, and the edges that count in it. */
export interface Seen {
  readonly beliefs: ReadonlyMap<string, SeenBelief>;
  readonly edges: readonly WorldEdge[];
}

export function seenAt(world: World, { as_of: asOf, known_at: knownAt }: View = {}): Seen {
  const beliefs = new Map<string, SeenBelief>();
  for (const belief of world.beliefs) {
    const statement = knownAt === undefined ? belief : statementAt(belief, knownAt);
    const isIn = statement !== null && (asOf === undefined || isValidAt(statement, asOf));
    if (isIn) beliefs.set(belief.id, { ...pick(statement), id: belief.id });
  }
  const edges = world.edges.filter((edge) => {
    const ends = [beliefs.get(edge.source), beliefs.get(edge.target)];
    const live =
      knownAt === undefined
        ? edge.retired_at === null
        : !after(edge.created_at, knownAt) && (edge.retired_at === null || after(edge.retired_at, knownAt));
    return live && !ends.includes(undefined) && (asOf === undefined || isValidAt(edge, asOf));
  });
  return { beliefs, edges };
}

export function isValidAt({ valid_from: from, valid_until: until }: Validity, time: string): boolean {
  return (from === null || !after(from, time)) && (until === null || after(until, time));
}

function statementAt(belief: WorldBelief, time: string): Statement | null {
  for (const version of belief.versions) {
    if (!after(version.recorded_at, time) && after(version.replaced_at, time)) return version;
  }
  return after(belief.updated_at, time) ? null : belief;
}

function pick({ content, confidence, status, valid_from, valid_until }: Statement): Statement {
  return { content, confidence, status, valid_from, valid_until };
}

function after(one: string, other: string): boolean {
  return Date.parse(one) > Date.parse(other);
}
