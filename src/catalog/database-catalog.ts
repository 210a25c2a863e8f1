import { sql } from 'kysely';
import { equalBytes } from '../core/bytes.ts';
import type { Clock } from '../core/clock.ts';
import { ValenceError } from '../core/errors.ts';
import type { Catalog, CatalogHead, StoredTrees, TierCommit, TierRecord, TreePosition } from '../core/ports.ts';
import { trimChangeLog, vacuumChangeLog } from '../schema/change-log-trim.ts';
import type { Database, Session } from '../schema/database.ts';
import { partRefused, readPart } from '../schema/part-mark.ts';
import { DatabaseTrees } from './database-trees.ts';
import { addPositions, removePositions } from './position-changes.ts';
import { replaceSegments } from './segment-rows.ts';
import { decodeStripes } from './stripe-list.ts';
import { decodeTrees, encodeTrees } from './tree-record.ts';

/** The catalog of one vault, in the tables of the schema `valence_catalog`. */
export class DatabaseCatalog implements Catalog {
  readonly #database: Database;
  readonly #vaultId: string;
  readonly #clock: Clock;

  constructor(database: Database, vaultId: string, clock: Clock) {
    this.#database = database;
    this.#vaultId = vaultId;
    this.#clock = clock;
  }

  async heads(): Promise<readonly (CatalogHead & { readonly tier: string })[]> {
    const rows = await this.#database.kysely
      .selectFrom('valence_catalog.heads')
      .select(['tier', 'sequence', 'digest', 'content_root'])
      .where('vault_id', '=', this.#vaultId)
      .orderBy('tier')
      .execute();
    return rows.map((row) => ({
      tier: row.tier,
      sequence: row.sequence,
      digest: row.digest,
      contentRoot: row.content_root,
    }));
  }

  /** @throws `format/malformed` and `format/newer` when the tables hold what this program did not write */
  async record(tier: string): Promise<TierRecord | null> {
    // One statement, and so one state; the head stands there once a segment.
    const rows = await this.#database.kysely
      .selectFrom('valence_catalog.heads as h')
      .leftJoin('valence_catalog.segments as s', (join) =>
        join.onRef('s.vault_id', '=', 'h.vault_id').onRef('s.tier', '=', 'h.tier'),
      )
      .select(['h.sequence', 'h.digest as head_digest', 'h.content_root', 'h.position', 'h.trees'])
      .select(['s.digest', 's.size_bytes', 's.stripes'])
      .where('h.vault_id', '=', this.#vaultId)
      .where('h.tier', '=', tier)
      .orderBy('s.ordinal')
      .execute();
    const head = rows[0];
    if (head === undefined) return null;
    return {
      sequence: head.sequence,
      digest: head.head_digest,
      contentRoot: head.content_root,
      position: head.position,
      trees: decodeTrees(head.trees),
      segments: rows.flatMap(({ digest, size_bytes: sizeBytes, stripes }) =>
        digest === null || sizeBytes === null || stripes === null
          ? []
          : [{ digest, sizeBytes, stripes: decodeStripes(stripes) }],
      ),
    };
  }

  /** The bytes are views of larger memory: who keeps a few of many should copy them. */
  async *positions(tier: string): AsyncGenerator<TreePosition, void, undefined> {
    const record = await this.record(tier);
    const trees = this.storedTrees(this.#database);
    for (const { tree } of record?.trees ?? []) yield* trees.all(tier, tree);
  }

  /**
   * The trees as an open snapshot transaction sees them; valid until it ends. Of `all`, as of `positions`, the bytes are views
   * of larger memory.
   */
  storedTrees(session: Session): StoredTrees {
    return new DatabaseTrees(session, this.#vaultId);
  }

  /** Durable when it resolves; nothing is changed when it rejects. @throws `database/read-only` on a standby */
  async commit(tier: string, commit: TierCommit): Promise<void> {
    const of = { vaultId: this.#vaultId, tier };
    await this.#write(async (session) => {
      // First, so that a second commit of the same tier waits here instead of mixing its positions with these.
      await this.#refuseOvertaken(session, tier, commit.base);
      await this.#writeHead(session, tier, commit);
      const gone = await removePositions(session, of, commit.removed);
      await addPositions(session, of, commit.added);
      await replaceSegments(session, of, commit.segments);
      return gone;
    });
  }

  /** @throws `database/read-only` on a standby */
  async forget(tier: string): Promise<void> {
    await this.#write(async (session) => {
      for (const table of ['valence_catalog.heads', 'valence_catalog.segments'] as const) {
        await session.kysely.deleteFrom(table).where('vault_id', '=', this.#vaultId).where('tier', '=', tier).execute();
      }
      return removePositions(session, { vaultId: this.#vaultId, tier }, 'all');
    });
  }

  /**
   * The embedded database belongs to one process already, which holds its home's lock. A standby keeps apart only who
   * works through the same standby.
   * @throws `backend/second-writer`, `usage/invalid` where the database holds only a part of a snapshot of this vault
   */
  async exclusively<T>(work: () => Promise<T>): Promise<T> {
    await this.#refusePart();
    if (this.#database.engine === 'pglite') return work();
    // A standby begins no transaction that may write; a lock of the connection ends with it as well.
    if (await this.#isStandby()) {
      return this.#database.connection(async (session) => {
        await this.#lock(session, 'pg_try_advisory_lock');
        return work();
      });
    }
    return this.#database.transaction({}, async (session) => {
      await this.#lock(session, 'pg_try_advisory_xact_lock');
      return work();
    });
  }

  async #refusePart(): Promise<void> {
    const part = await readPart(this.#database);
    if (part === null || part.vaultId !== this.#vaultId) return;
    const hint = 'see that DATABASE_URL or --database names the database of this vault';
    throw partRefused(this.#database.location, part, hint);
  }

  async #lock(session: Session, take: 'pg_try_advisory_lock' | 'pg_try_advisory_xact_lock'): Promise<void> {
    const key = `valence writer ${this.#vaultId}`;
    const { rows } = await sql<{
      held: boolean;
    }>`SELECT ${sql.raw(take)}(hashtextextended(${key}, 0)) AS held`.execute(session.kysely);
    if (rows[0]?.held === true) return;
    throw new ValenceError(
      'backend/second-writer',
      'another process is backing up this knowledge base to the same vault',
      { hint: 'wait until it has finished' },
    );
  }

  /** `change` resolves to how many positions of chunks it deleted. */
  async #write(change: (session: Session) => Promise<number>): Promise<void> {
    if (await this.#isStandby()) {
      throw new ValenceError('database/read-only', 'the database is a standby, so nothing can be remembered in it', {
        hint: 'connect to the primary, so that the next backup need not store everything anew',
      });
    }
    const { gone, vacuum } = await this.#database.transaction({}, async (session) => ({
      gone: await change(session),
      vacuum: await forgetChanges(session),
    }));
    if (vacuum) await vacuumChangeLog(this.#database);
    // PGlite has no autovacuum. Deleted keys are overwritten once their room is used again, and the table does not grow.
    if (this.#database.engine === 'pglite' && gone > 0) {
      await this.#database.execute('VACUUM valence_catalog.chunks, valence_catalog.heads');
    }
    await this.#database.sync();
  }

  async #isStandby(): Promise<boolean> {
    const { rows } = await sql<{ standby: boolean }>`SELECT pg_is_in_recovery() AS standby`.execute(
      this.#database.kysely,
    );
    return rows[0]?.standby === true;
  }

  /** A difference means something only on top of what it was taken from. */
  async #refuseOvertaken(session: Session, tier: string, base: Uint8Array | null): Promise<void> {
    await session.execute('LOCK TABLE valence_catalog.heads IN SHARE ROW EXCLUSIVE MODE');
    const head = await session.kysely
      .selectFrom('valence_catalog.heads')
      .select('digest')
      .where('vault_id', '=', this.#vaultId)
      .where('tier', '=', tier)
      .executeTakeFirst();
    if (head === undefined ? base === null : base !== null && equalBytes(head.digest, base)) return;
    throw new ValenceError(
      'backend/second-writer',
      `tier ${tier} was committed or forgotten by another process meanwhile`,
      {
        hint: 'let only one backup run at a time',
      },
    );
  }

  async #writeHead(session: Session, tier: string, record: TierRecord): Promise<void> {
    const row = {
      sequence: record.sequence,
      digest: Buffer.from(record.digest),
      content_root: Buffer.from(record.contentRoot),
      committed_at: new Date(this.#clock.now()).toISOString(),
      position: record.position,
      trees: encodeTrees(record.trees),
    };
    await session.kysely
      .insertInto('valence_catalog.heads')
      .values({ vault_id: this.#vaultId, tier, ...row })
      .onConflict((conflict) => conflict.columns(['vault_id', 'tier']).doUpdateSet(row))
      .execute();
  }
}

/**
 * Trims the change log to what some tier of some vault, or a projection, still needs. What lags so far behind that it keeps
 * the log over half of its limit loses its position, and reads everything next time. Resolves to whether a VACUUM is due.
 */
async function forgetChanges(session: Session): Promise<boolean> {
  const { rows } = await sql<{ position: string }>`
    SELECT position FROM valence_catalog.heads WHERE position IS NOT NULL
    UNION SELECT position FROM valence_catalog.projections WHERE position IS NOT NULL`.execute(session.kysely);
  let positions = rows.map(({ position }) => position);
  for (;;) {
    const { giveUp, vacuum } = await trimChangeLog(session, positions);
    if (giveUp === null) return vacuum;
    // A head that another commit is writing now gets a new position anyway, and waiting for it could be a deadlock: it
    // waits for the log. If it fails, its old position is found trimmed.
    await sql`
      UPDATE valence_catalog.heads SET position = NULL WHERE (vault_id, tier) IN (
        SELECT vault_id, tier FROM valence_catalog.heads WHERE position = ${giveUp} FOR UPDATE SKIP LOCKED
      )`.execute(session.kysely);
    await sql`
      UPDATE valence_catalog.projections SET position = NULL WHERE name IN (
        SELECT name FROM valence_catalog.projections WHERE position = ${giveUp} FOR UPDATE SKIP LOCKED
      )`.execute(session.kysely);
    positions = positions.filter((position) => position !== giveUp);
  }
}
