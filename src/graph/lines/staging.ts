import { copyOf } from '../../core/copy-stream.ts';
import type { ColumnType } from '../../format/rows/column-types.ts';
import type { Session } from '../../schema/database.ts';
import type { StagedRow } from './import-record.ts';
import { RowEncoder } from './row-encoder.ts';
import { createStagingSql, STAGING, STAGING_TABLES, stagingName } from './staging-tables.ts';
import type { StagingTable } from './staging-tables.ts';

/** Rows wait in memory until a table has so many bytes of them, then go to the database in one COPY. */
const BATCH_BYTES = 2 * 1024 * 1024;

/** Number of the input, from 0, and of its line, from 1. */
export interface Place {
  readonly file: number;
  readonly line: number;
}

interface Batch {
  readonly columns: readonly string[];
  readonly rows: RowEncoder;
}

/** The staging tables of the transaction that `session` stands in. */
export class Staging {
  readonly #session: Session;
  readonly #batches: ReadonlyMap<StagingTable, Batch>;

  private constructor(session: Session) {
    this.#session = session;
    this.#batches = new Map(STAGING_TABLES.map((table) => [table, newBatch(STAGING[table])]));
  }

  static async create(session: Session): Promise<Staging> {
    await session.execute(createStagingSql());
    return new Staging(session);
  }

  /** Takes a row; when it gives `true`, `flush` the table before adding more. */
  add(table: StagingTable, row: StagedRow, place: Place): boolean {
    const { columns, rows } = this.#batches.get(table)!;
    const placed: StagedRow = { ...row, file: place.file, line: place.line };
    rows.append(columns.map((column) => placed[column] ?? null));
    return rows.length >= BATCH_BYTES;
  }

  async flush(table: StagingTable): Promise<void> {
    const { columns, rows } = this.#batches.get(table)!;
    if (rows.length === 0) return;
    await this.#session.copyIn(`${stagingName(table)} (${columns.join(', ')})`, copyOf([rows.take()]));
  }

  /** Sends what still waits, and lets the planner know the sizes. */
  async finish(): Promise<void> {
    for (const table of STAGING_TABLES) await this.flush(table);
    await this.#session.execute(STAGING_TABLES.map((table) => `ANALYZE ${stagingName(table)};`).join('\n'));
  }
}

function newBatch(columns: Readonly<Record<string, ColumnType>>): Batch {
  return { columns: Object.keys(columns), rows: new RowEncoder(Object.values(columns)) };
}
