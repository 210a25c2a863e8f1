import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';
import type { Session } from '../../../schema/database.ts';

/** What is wrong in the graph, or only worth a look. */
export interface GraphFinding {
  readonly type: 'graph-finding';
  /** e.g. `self-edge`; does not change. */
  readonly code: string;
  /** `error`: what the constraints of the database would have refused. `notice`: allowed, and perhaps not meant. */
  readonly severity: 'error' | 'notice';
  readonly what: string;
  readonly count: number;
  /** Ids of at most ten of them, in order: of what `what` speaks of first. */
  readonly examples: readonly string[];
  /** What to do. */
  readonly todo: string;
}

/** One thing to look for. */
export interface Check {
  readonly code: string;
  readonly severity: GraphFinding['severity'];
  readonly what: string;
  readonly todo: string;
  /** A query of one column `id`. */
  readonly rows: RawBuilder<unknown>;
}

const EXAMPLES_MAX = 10;

/** One statement; `null`: nothing was found. */
export async function finding(session: Session, { rows: found, ...check }: Check): Promise<GraphFinding | null> {
  const { rows } = await sql<{ count: number; examples: string[] }>`
    WITH found AS MATERIALIZED (${found})
    SELECT (SELECT count(*) FROM found) AS count,
      ARRAY(SELECT id::text FROM found ORDER BY id LIMIT ${EXAMPLES_MAX}::bigint) AS examples`.execute(session.kysely);
  const { count, examples } = rows[0]!;
  return count === 0 ? null : { type: 'graph-finding', ...check, count, examples };
}
