import { sql } from 'kysely';
import type { Clock } from '../core/clock.ts';
import { ValenceError } from '../core/errors.ts';
import type { Catalog, CatalogChunk, CatalogHead } from '../core/ports.ts';
import type { Database, Session } from '../schema/database.ts';

/** Rows a statement; five parameters each stay well below Postgres' 65,535. */
const ROWS_AT_ONCE = 5000;

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

  async head(tier: string): Promise<CatalogHead | null> {
    return (await this.heads()).find((head) => head.tier === tier) ?? null;
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
      sequence: Number(row.sequence),
      digest: row.digest,
      contentRoot: row.content_root,
    }));
  }

  async *chunks(tier: string): AsyncGenerator<CatalogChunk, void, undefined> {
    let after: Uint8Array = Buffer.alloc(0);
    for (;;) {
      const rows = await this.#database.kysely
        .selectFrom('valence_catalog.chunks')
        .select(['content_id', 'name', 'key'])
        .where('vault_id', '=', this.#vaultId)
        .where('tier', '=', tier)
        .where('content_id', '>', after)
        .orderBy('content_id')
        .limit(ROWS_AT_ONCE)
        .execute();
      for (const row of rows) yield { contentId: row.content_id, name: row.name, key: row.key };
      if (rows.length < ROWS_AT_ONCE) return;
      after = rows[rows.length - 1]!.content_id;
    }
  }

  async replace(
    tier: string,
    head: CatalogHead,
    added: Iterable<CatalogChunk>,
    dropped: readonly Uint8Array[],
  ): Promise<void> {
    await this.#database.transaction({}, async (session) => {
      await this.#deleteChunks(session, tier, dropped);
      await this.#insertChunks(session, tier, added);
      await this.#writeHead(session, tier, head);
    });
    await this.#database.sync();
  }

  async forget(tier: string): Promise<void> {
    await this.#database.transaction({}, async (session) => {
      for (const table of ['valence_catalog.heads', 'valence_catalog.chunks'] as const) {
        await session.kysely.deleteFrom(table).where('vault_id', '=', this.#vaultId).where('tier', '=', tier).execute();
      }
    });
    await this.#database.sync();
  }

  /** The embedded database belongs to one process already, which holds its home's lock. */
  async exclusively<T>(work: () => Promise<T>): Promise<T> {
    if (this.#database.engine === 'pglite') return work();
    return this.#database.transaction({}, async (session) => {
      const key = `valence writer ${this.#vaultId}`;
      const { rows } = await sql<{
        held: boolean;
      }>`SELECT pg_try_advisory_xact_lock(hashtextextended(${key}, 0)) AS held`.execute(session.kysely);
      if (rows[0]?.held !== true) {
        throw new ValenceError(
          'backend/second-writer',
          'another process is backing up this knowledge base to the same vault',
          {
            hint: 'wait until it has finished',
          },
        );
      }
      return work();
    });
  }

  async #deleteChunks(session: Session, tier: string, contentIds: readonly Uint8Array[]): Promise<void> {
    for (let start = 0; start < contentIds.length; start += ROWS_AT_ONCE) {
      await session.kysely
        .deleteFrom('valence_catalog.chunks')
        .where('vault_id', '=', this.#vaultId)
        .where('tier', '=', tier)
        .where(
          'content_id',
          'in',
          contentIds.slice(start, start + ROWS_AT_ONCE).map((id) => Buffer.from(id)),
        )
        .execute();
    }
  }

  async #insertChunks(session: Session, tier: string, chunks: Iterable<CatalogChunk>): Promise<void> {
    for (const batch of batches(chunks)) {
      const rows = batch.map((chunk) => ({
        vault_id: this.#vaultId,
        tier,
        content_id: Buffer.from(chunk.contentId),
        name: Buffer.from(chunk.name),
        key: Buffer.from(chunk.key),
      }));
      await session.kysely.insertInto('valence_catalog.chunks').values(rows).execute();
    }
  }

  async #writeHead(session: Session, tier: string, head: CatalogHead): Promise<void> {
    const row = {
      sequence: head.sequence,
      digest: Buffer.from(head.digest),
      content_root: Buffer.from(head.contentRoot),
      committed_at: new Date(this.#clock.now()).toISOString(),
    };
    await session.kysely
      .insertInto('valence_catalog.heads')
      .values({ vault_id: this.#vaultId, tier, ...row })
      .onConflict((conflict) => conflict.columns(['vault_id', 'tier']).doUpdateSet(row))
      .execute();
  }
}

function* batches(chunks: Iterable<CatalogChunk>): Generator<CatalogChunk[], void, undefined> {
  let batch: CatalogChunk[] = [];
  for (const chunk of chunks) {
    if (batch.push(chunk) < ROWS_AT_ONCE) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
