import type { Selectable } from 'kysely';
import type { BeliefEdgesTable, BeliefsTable, JsonObject, SourcesTable } from '../../schema/tables.ts';
import type { BeliefStatus, EdgeType } from './vocabulary.ts';

/**
 * What commands and queries give back. Fields are called as in import lines (docs/import-format.md), times are ISO 8601 in
 * UTC, ids UUID text in lower case.
 */
export interface Belief {
  readonly type: 'belief';
  readonly id: string;
  readonly content: string;
  /** 0..1 */
  readonly confidence: number;
  readonly dimensions: JsonObject | null;
  readonly domains: readonly string[];
  readonly status: BeliefStatus;
  readonly valid_from: string | null;
  readonly valid_until: string | null;
  readonly metadata: JsonObject;
  /** Starts at 1; counts the changes of what the belief says. */
  readonly version: number;
  readonly created_at: string;
  readonly updated_at: string;
}

/** How a source is called where it is named: what kind it is, and its id there, e.g. a URL. */
export interface SourceKey {
  readonly source_type: string;
  readonly source_id: string;
}

export interface Source extends SourceKey {
  readonly type: 'source';
  readonly id: string;
  readonly title: string | null;
  readonly uri: string | null;
  readonly metadata: JsonObject;
  readonly created_at: string;
  readonly retired_at: string | null;
}

export interface Edge {
  readonly type: 'edge';
  readonly id: string;
  readonly source: string;
  readonly target: string;
  readonly edge_type: EdgeType;
  /** 0..1 */
  readonly weight: number;
  readonly valid_from: string | null;
  readonly valid_until: string | null;
  /** `null`: live. */
  readonly retired_at: string | null;
  readonly metadata: JsonObject;
  readonly created_at: string;
}

export function toBelief(row: Selectable<BeliefsTable>): Belief {
  return { type: 'belief', ...row };
}

export function toSource({ type, external_id: externalId, ...rest }: Selectable<SourcesTable>): Source {
  return { type: 'source', source_type: type, source_id: externalId, ...rest };
}

export function toEdge({ type, source_id: source, target_id: target, ...rest }: Selectable<BeliefEdgesTable>): Edge {
  return { type: 'edge', source, target, edge_type: type, ...rest };
}
