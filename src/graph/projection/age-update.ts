import { sql } from 'kysely';
import type { Session } from '../../schema/database.ts';
import { uuidArray } from '../records/uuid-array.ts';
import {
  EDGE_LABELS,
  EDGE_PROPERTIES,
  idProperty,
  idValue,
  labelTable,
  nextId,
  NODE_LABEL,
  NODE_PROPERTIES,
} from './age-labels.ts';

/** Ids of rows that were added, changed or removed since the graph was made. */
export interface ChangedRows {
  readonly beliefs: readonly string[];
  readonly edges: readonly string[];
}

/**
 * Brings a graph up to date with the tables, in the transaction of the session. A belief keeps its node. Costs some
 * lookups by index for each id.
 */
export async function updateGraph(session: Session, graph: string, { beliefs, edges }: ChangedRows): Promise<void> {
  const nodes = labelTable(graph, NODE_LABEL);
  const [beliefIds, edgeIds] = [uuidArray(beliefs), uuidArray(edges)];
  // Relationships before the nodes that they need, then the other way round.
  for (const [, label] of EDGE_LABELS) {
    await sql`
      DELETE FROM ${labelTable(graph, label)} AS r USING unnest(${edgeIds}) AS changed (id)
      WHERE ${idProperty('r')} OPERATOR(ag_catalog.=) ${idValue(sql`changed.id`)}`.execute(session.kysely);
  }
  await sql`
    DELETE FROM ${nodes} AS n USING unnest(${beliefIds}) AS changed (id)
    WHERE ${idProperty('n')} OPERATOR(ag_catalog.=) ${idValue(sql`changed.id`)}
      AND NOT EXISTS (SELECT FROM valence.beliefs AS b WHERE b.id = changed.id)`.execute(session.kysely);
  await sql`
    UPDATE ${nodes} AS n SET properties = ${NODE_PROPERTIES} FROM valence.beliefs AS b
    WHERE b.id = ANY (${beliefIds}) AND ${idProperty('n')} OPERATOR(ag_catalog.=) ${idValue(sql`b.id`)}
  `.execute(session.kysely);
  await sql`
    INSERT INTO ${nodes} (id, properties)
    SELECT ${nextId(graph, NODE_LABEL)}, ${NODE_PROPERTIES} FROM valence.beliefs AS b
    WHERE b.id = ANY (${beliefIds}) AND NOT EXISTS (
      SELECT FROM ${nodes} AS n WHERE ${idProperty('n')} OPERATOR(ag_catalog.=) ${idValue(sql`b.id`)}
    )`.execute(session.kysely);
  for (const [type, label] of EDGE_LABELS) {
    await sql`
      INSERT INTO ${labelTable(graph, label)} (id, start_id, end_id, properties)
      SELECT ${nextId(graph, label)}, s.id, t.id, ${EDGE_PROPERTIES}
      FROM valence.belief_edges AS e
      JOIN ${nodes} AS s ON ${idProperty('s')} OPERATOR(ag_catalog.=) ${idValue(sql`e.source_id`)}
      JOIN ${nodes} AS t ON ${idProperty('t')} OPERATOR(ag_catalog.=) ${idValue(sql`e.target_id`)}
      WHERE e.id = ANY (${edgeIds}) AND e.type = ${type} AND e.retired_at IS NULL`.execute(session.kysely);
  }
}
