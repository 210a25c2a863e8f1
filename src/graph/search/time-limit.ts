import { sql } from 'kysely';
import type { Clock } from '../../core/clock.ts';
import { sqlstateOf } from '../../schema/database-error.ts';
import type { Session } from '../../schema/database.ts';

/** A moment by which a query has to be done. */
export interface Deadline {
  /** Milliseconds until then; 0 once it has passed. */
  left(): number;
}

export function deadlineIn(milliseconds: number, clock: Clock): Deadline {
  const end = clock.now() + milliseconds;
  return { left: () => Math.max(0, end - clock.now()) };
}

/** The first half of the time that is left. */
export function halfOf(deadline: Deadline): Deadline {
  const kept = deadline.left() / 2;
  return { left: () => Math.max(0, deadline.left() - kept) };
}

const CANCELED = '57014';
/** What the setting takes: 24 days. */
const STATEMENT_MS_MAX = 2 ** 31 - 1;

/**
 * Runs statements that only read, under settings of their own, inside a transaction; `null` when time ran out. A server
 * stops a statement that takes longer; the embedded engine has no second thread to do so, and ends it late.
 */
export async function withinTime<T>(
  session: Session,
  { deadline, settings = {} }: { readonly deadline: Deadline; readonly settings?: Readonly<Record<string, string>> },
  run: () => Promise<T>,
): Promise<T | null> {
  const left = Math.min(Math.ceil(deadline.left()), STATEMENT_MS_MAX);
  if (left <= 0) return null;
  await session.execute('SAVEPOINT reading');
  try {
    for (const [name, value] of Object.entries({ ...settings, statement_timeout: String(left) }))
      await sql`SELECT set_config(${name}, ${value}, true)`.execute(session.kysely);
    return await run();
  } catch (error) {
    if (sqlstateOf(error) !== CANCELED) throw error;
    return null;
  } finally {
    // Nothing was written; what was set goes with it.
    await session.execute('ROLLBACK TO SAVEPOINT reading; RELEASE SAVEPOINT reading').catch(() => undefined);
  }
}
