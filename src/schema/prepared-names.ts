/** Statements a connection keeps prepared at most; the server holds a plan of each. */
const NAMES_MAX = 200;
/** Texts that are counted before they have a name. */
const COUNTED_MAX = 1000;
/** From this use on a statement is prepared: before, it costs more than it saves. */
const USES_MIN = 3;
/** A longer text has its values in it, and does not come again. */
const TEXT_LENGTH_MAX = 8192;
const READS = /^\s*(select|with)\b/i;

/** Errors of a prepared statement that the tables have moved away from, or that somebody else discarded. */
const STALE: ReadonlySet<unknown> = new Set(['0A000', '26000']);

/**
 * Names for queries that come again, so that each connection parses and plans them once. Only what reads: what writes is
 * rarely the same text twice. Names are never given to another text.
 */
export class PreparedNames {
  readonly #names = new Map<string, string>();
  readonly #uses = new Map<string, number>();

  /** `undefined`: not worth preparing. */
  nameOf(sql: string): string | undefined {
    const name = this.#names.get(sql);
    if (name !== undefined || this.#names.size === NAMES_MAX) return name;
    if (sql.length > TEXT_LENGTH_MAX || !READS.test(sql)) return undefined;
    const uses = (this.#uses.get(sql) ?? 0) + 1;
    if (uses >= USES_MIN) return this.#give(sql);
    if (this.#uses.size === COUNTED_MAX) this.#uses.clear();
    this.#uses.set(sql, uses);
    return undefined;
  }

  #give(sql: string): string {
    const name = `valence_${this.#names.size}`;
    this.#uses.delete(sql);
    this.#names.set(sql, name);
    return name;
  }
}

/** Whether a connection would refuse this prepared statement from now on. */
export function isStale(error: unknown): boolean {
  return error instanceof Error && 'code' in error && STALE.has(error.code);
}
