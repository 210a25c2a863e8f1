import type { RawBuilder } from 'kysely';
import { sql } from 'kysely';
import { equalBytes, toHex } from '../core/bytes.ts';
import type { KeyRange, OwnedKeys, StoredTrees, TreeCensus, TreeId, TreePosition } from '../core/ports.ts';
import type { Session } from '../schema/database.ts';
import { copyRows } from './copy-fields.ts';
import type { KeyBounds } from './key-bounds.ts';
import { justAbove, keyBounds } from './key-bounds.ts';
import { POSITION_COLUMNS, positionOf } from './position-rows.ts';
import { bytesLiteral, textLiteral, uuidLiteral } from './sql-literal.ts';
import { treeColumns, treeOfColumns } from './tree-columns.ts';

/** Keys, ranges or content ids a statement. */
const AT_ONCE = 1000;
/** Positions of a COPY on PGlite, which keeps its output in memory whole: some 4 MiB. */
const PGLITE_ROWS = 20_000;

interface PositionRow {
  readonly last_key: Uint8Array;
  readonly piece: number;
  readonly content_id: Uint8Array;
  readonly rows: number;
  readonly bytes: number;
  readonly name: Uint8Array;
  readonly key: Uint8Array;
}

/**
 * The trees that the catalog remembers, in the transaction of a session. A table that was filled a moment ago has no
 * statistics, and on PGlite it never gets any. So each look-up stands behind a LIMIT or OFFSET 0, which the planner
 * neither joins nor reorders, with conditions that only the index meant for it can serve.
 */
export class DatabaseTrees implements StoredTrees {
  readonly #session: Session;
  readonly #vaultId: string;

  constructor(session: Session, vaultId: string) {
    this.#session = session;
    this.#vaultId = vaultId;
  }

  async owners(tier: string, tree: TreeId, level: number, keys: readonly Uint8Array[]): Promise<readonly OwnedKeys[]> {
    const inLevel = this.#inLevel(tier, tree, level);
    const found: OwnedKeys[] = [];
    for (const some of batches(keys)) {
      const lastKeys = sql`
        SELECT DISTINCT coalesce(
          (SELECT c.last_key FROM valence_catalog.chunks c WHERE ${inLevel} AND c.last_key >= decode(k.key, 'hex')
           ORDER BY c.last_key LIMIT 1),
          (SELECT c.last_key FROM valence_catalog.chunks c WHERE ${inLevel} ORDER BY c.last_key DESC LIMIT 1)
        ) AS last_key FROM unnest(${some.map(toHex)}::text[]) AS k (key)`;
      for (const owner of await this.#owned(inLevel, lastKeys)) {
        const last = found.at(-1);
        if (last === undefined || !equalBytes(last.lastKey, owner.lastKey)) found.push(owner);
      }
    }
    return found;
  }

  async next(tier: string, tree: TreeId, level: number, lastKey: Uint8Array): Promise<OwnedKeys | null> {
    const inLevel = this.#inLevel(tier, tree, level);
    const following = sql`
      SELECT c.last_key FROM valence_catalog.chunks c WHERE ${inLevel} AND c.last_key >= decode(${justAbove(lastKey)}, 'hex')
      ORDER BY c.last_key LIMIT 1`;
    return (await this.#owned(inLevel, following))[0] ?? null;
  }

  async within(
    tier: string,
    tree: TreeId,
    level: number,
    ranges: readonly KeyRange[],
  ): Promise<readonly TreePosition[]> {
    const inLevel = this.#inLevel(tier, tree, level);
    const found: TreePosition[] = [];
    for (const some of batches(ranges.map(keyBounds))) {
      for (const row of await this.#positions(inLevel, some)) found.push(leveled(tree, level, row));
    }
    return found;
  }

  async *all(tier: string, tree: TreeId): AsyncGenerator<TreePosition, void, undefined> {
    const { tree: code, model_id: modelId } = treeColumns(tree);
    const select = `SELECT ${POSITION_COLUMNS.map((column) => `c.${column}`).join(', ')} FROM valence_catalog.chunks c
      WHERE c.vault_id = ${uuidLiteral(this.#vaultId)} AND c.tier = ${textLiteral(tier)}
        AND c.tree = ${code} AND c.model_id = ${uuidLiteral(modelId)}`;
    if (this.#session.engine === 'postgres') {
      yield* this.#copied(tree, `${select} ORDER BY c.level, c.last_key, c.piece`);
      return;
    }
    let rest = '';
    for (;;) {
      let count = 0;
      let last: TreePosition | null = null;
      const page = `${select} ${rest} ORDER BY c.level, c.last_key, c.piece LIMIT ${PGLITE_ROWS}`;
      for await (const position of this.#copied(tree, page)) {
        [count, last] = [count + 1, position];
        yield position;
      }
      if (last === null || count < PGLITE_ROWS) return;
      rest = `AND (c.level, c.last_key, c.piece) > (${last.level}, ${bytesLiteral(last.lastKey)}, ${last.piece})`;
    }
  }

  async uses(tier: string, names: readonly Pick<TreePosition, 'contentId' | 'name'>[]): Promise<readonly number[]> {
    const counts: number[] = [];
    for (const some of batches(names)) {
      const { rows } = await sql<{ uses: number }>`
        SELECT (SELECT count(*) FROM (
          SELECT c.vault_id, c.tier, c.name FROM valence_catalog.chunks c WHERE c.content_id = decode(k.id, 'hex') OFFSET 0
        ) AS f WHERE f.vault_id = ${this.#vaultId}::uuid AND f.tier = ${tier} AND f.name = decode(k.name, 'hex')) AS uses
        FROM unnest(${some.map(({ contentId }) => toHex(contentId))}::text[], ${some.map(({ name }) => toHex(name))}::text[])
          WITH ORDINALITY AS k (id, name, place) ORDER BY k.place
      `.execute(this.#session.kysely);
      for (const { uses } of rows) counts.push(uses);
    }
    return counts;
  }

  async census(tier: string): Promise<readonly TreeCensus[]> {
    const { rows } = await sql<{ tree: number; model_id: string; level: number; chunks: number; rows: number }>`
      SELECT c.tree, c.model_id, c.level, count(*) AS chunks, sum(c.rows)::bigint AS rows FROM valence_catalog.chunks c
      WHERE c.vault_id = ${this.#vaultId}::uuid AND c.tier = ${tier} AND c.piece = 0
      GROUP BY c.tree, c.model_id, c.level ORDER BY c.tree, c.model_id, c.level
    `.execute(this.#session.kysely);
    const trees = Map.groupBy(rows, (row) => `${row.tree} ${row.model_id}`);
    return [...trees.values()].map((levels) => ({
      tree: treeOfColumns(levels[0]!),
      levels: levels.map((row) => ({ chunks: Number(row.chunks), rows: Number(row.rows) })),
    }));
  }

  #inLevel(tier: string, tree: TreeId, level: number): RawBuilder<unknown> {
    const { tree: code, model_id: modelId } = treeColumns(tree);
    return sql`c.vault_id = ${this.#vaultId}::uuid AND c.tier = ${tier} AND c.tree = ${code}::smallint
      AND c.model_id = ${modelId}::uuid AND c.level = ${level}::smallint`;
  }

  /** `lastKeys`: a query for the last keys of the chunks asked for, each once; NULL is passed over. */
  async #owned(inLevel: RawBuilder<unknown>, lastKeys: RawBuilder<unknown>): Promise<readonly OwnedKeys[]> {
    const { rows } = await sql<{ last_key: Uint8Array; after: Uint8Array | null; is_last: boolean }>`
      SELECT o.last_key,
        (SELECT c.last_key FROM valence_catalog.chunks c WHERE ${inLevel} AND c.last_key < o.last_key
         ORDER BY c.last_key DESC LIMIT 1) AS after,
        (SELECT c.last_key FROM valence_catalog.chunks c WHERE ${inLevel} AND c.last_key > o.last_key
         ORDER BY c.last_key LIMIT 1) IS NULL AS is_last
      FROM (${lastKeys}) AS o WHERE o.last_key IS NOT NULL ORDER BY o.last_key
    `.execute(this.#session.kysely);
    return rows.map((row) => ({ after: row.after, lastKey: row.last_key, isLast: row.is_last }));
  }

  async #positions(inLevel: RawBuilder<unknown>, bounds: readonly KeyBounds[]): Promise<readonly PositionRow[]> {
    const [lower, upper] = [bounds.map((range) => range.lower), bounds.map((range) => range.upper)];
    const { rows } = await sql<PositionRow>`
      SELECT f.* FROM unnest(${lower}::text[], ${upper}::text[]) AS r (lower, upper) CROSS JOIN LATERAL (
        SELECT c.last_key, c.piece, c.content_id, c.rows, c.bytes, c.name, c.key FROM valence_catalog.chunks c
        WHERE ${inLevel} AND c.last_key >= decode(r.lower, 'hex') AND c.last_key <= decode(r.upper, 'hex') OFFSET 0) AS f
      ORDER BY f.last_key, f.piece
    `.execute(this.#session.kysely);
    return rows;
  }

  async *#copied(tree: TreeId, query: string): AsyncGenerator<TreePosition, void, undefined> {
    for await (const rows of copyRows(this.#session.copyOut(query), POSITION_COLUMNS.length)) {
      for (const row of rows) yield positionOf(tree, row);
    }
  }
}

function leveled(tree: TreeId, level: number, row: PositionRow): TreePosition {
  return {
    tree,
    level,
    lastKey: row.last_key,
    piece: row.piece,
    contentId: row.content_id,
    rows: row.rows,
    bytes: row.bytes,
    name: row.name,
    key: row.key,
  };
}

function* batches<T>(items: readonly T[]): Generator<readonly T[], void, undefined> {
  for (let start = 0; start < items.length; start += AT_ONCE) yield items.slice(start, start + AT_ONCE);
}
