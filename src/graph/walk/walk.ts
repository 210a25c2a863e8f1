import type { Clock } from '../../core/clock.ts';
import { sqlstateOf } from '../../schema/database-error.ts';
import type { Database, Session } from '../../schema/database.ts';
import type { GraphArrays } from '../arrays/graph-arrays.ts';
import type { Budget } from './budget.ts';
import { BUDGET_DEFAULT, Meter } from './budget.ts';
import type { View } from './view.ts';

/** query_canceled (PostgreSQL manual, appendix A) */
const CANCELLED = '57014';
/** What belongs to no level, as to look up an id, has at least so long. */
const STATEMENT_MS_MIN = 5000;

export interface WalkMeans {
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
  /** The graph in arrays, of the state that the session reads; `null`: not at hand, so levels are asked of the database. */
  readonly arrays?: ((session: Session) => Promise<GraphArrays | null>) | undefined;
}

/** Runs a query in one state of the database, and sees to it that no statement of it outlasts its time. */
export async function walking<T>(
  database: Database,
  budget: Budget,
  means: WalkMeans,
  run: (walk: Walk) => Promise<T>,
): Promise<T> {
  const meter = new Meter(budget, means.clock);
  const statementMs = Math.max(budget.maxMs ?? BUDGET_DEFAULT.maxMs, STATEMENT_MS_MIN);
  return database.transaction({ mode: 'snapshot', statementMs }, (session) =>
    run(new Walk(session, meter, { ...means, statementMs })),
  );
}

/** One query under way: where it reads, and what it may still cost. */
export class Walk {
  readonly session: Session;
  readonly meter: Meter;
  readonly #means: Pick<WalkMeans, 'signal' | 'arrays'>;
  /** How long the server lets a statement run. */
  #statementMs: number;

  constructor(
    session: Session,
    meter: Meter,
    means: Pick<WalkMeans, 'signal' | 'arrays'> & { readonly statementMs: number },
  ) {
    this.session = session;
    this.meter = meter;
    this.#means = means;
    this.#statementMs = means.statementMs;
  }

  /** The graph in arrays, where they are at hand and the view is of what stands now in the record. */
  async arrays({ known_at: knownAt }: View): Promise<GraphArrays | null> {
    return knownAt === undefined && this.#means.arrays !== undefined ? this.#means.arrays(this.session) : null;
  }

  /** Runs one level; `null` when the query has stopped before or stops in it. */
  async level<T>(statement: (session: Session) => Promise<T>): Promise<T | null> {
    return this.meter.goesOn() ? this.inTime(statement) : null;
  }

  /**
   * Runs a statement, also for what was found before another limit; `null` when the time of the query is over before or in
   * it. The embedded database cannot break a statement off: there the time is looked at between statements.
   */
  async inTime<T>(statement: (session: Session) => Promise<T>): Promise<T | null> {
    this.#means.signal?.throwIfAborted();
    if (this.meter.stopped === 'time') return null;
    await this.#limit();
    try {
      return await statement(this.session);
    } catch (error) {
      if (sqlstateOf(error) !== CANCELLED) throw error;
      this.meter.stop('time');
      return null;
    }
  }

  /** Only when much of the time is gone: a limit that is a little long costs less than a round trip each level. */
  async #limit(): Promise<void> {
    const { msLeft } = this.meter;
    if (this.session.engine !== 'postgres' || msLeft > this.#statementMs / 2) return;
    this.#statementMs = msLeft;
    await this.session.execute(`SET LOCAL statement_timeout = ${Math.max(1, Math.ceil(msLeft))}`);
  }
}
