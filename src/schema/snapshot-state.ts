/** Which state of which database a transaction of mode `snapshot` sees: where two are equal, no transaction ended between. */
export interface SnapshotState {
  /** Another one after the server was started, and for another database. */
  readonly server: string;
  /** The transactions whose changes it sees, as `pg_current_snapshot` writes them. */
  readonly transactions: string;
}

/**
 * SQL: one row in a transaction of mode `snapshot`, and none on a standby, whose snapshots do not name what is under way. It
 * reads no table, as it is asked with every such transaction.
 */
export const SNAPSHOT_STATE: string = `
  SELECT concat_ws(' ', pg_postmaster_start_time(), current_database()) AS server, pg_current_snapshot()::text AS transactions
  WHERE NOT pg_is_in_recovery()`;
