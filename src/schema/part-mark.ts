import { sql } from 'kysely';
import { fromHex } from '../core/bytes.ts';
import { ValenceError } from '../core/errors.ts';
import type { Session } from './database.ts';
import { CATALOG_SCHEMA } from './tables.ts';

/** The snapshot that a database holds a part of. */
export interface PartOf {
  /** UUID text. */
  readonly vaultId: string;
  readonly tier: string;
  readonly sequence: number;
  /** Digest of the manifest, lower-case hexadecimal. */
  readonly id: string;
}

/**
 * A table, so that it comes along with a dump; and only where there is a part, so that no migration need know it. With
 * the catalog, which no snapshot holds.
 */
const TABLE = `${CATALOG_SCHEMA}.part_of`;

/**
 * Notes that the database holds a part of this snapshot and must not continue the vault as if it were the whole; `null`:
 * that it does not. The schema must be there. Joins a transaction of the session.
 */
export async function markPart(session: Session, part: PartOf | null): Promise<void> {
  if (await isMarked(session)) await session.execute(`DROP TABLE ${TABLE}`);
  if (part === null) return;
  await session.execute(`
    CREATE TABLE ${TABLE} (vault_id uuid NOT NULL, tier text NOT NULL, sequence bigint NOT NULL, digest bytea NOT NULL)`);
  const { vaultId, tier, sequence, id } = part;
  await sql`
    INSERT INTO ${sql.raw(TABLE)} VALUES (${vaultId}::uuid, ${tier}, ${sequence}::bigint, ${Buffer.from(fromHex(id, 32))})
  `.execute(session.kysely);
}

/** What `markPart` noted; `null` where the database holds a whole, or nothing was ever set up. */
export async function readPart(session: Session): Promise<PartOf | null> {
  if (!(await isMarked(session))) return null;
  const { rows } = await sql<PartOf>`
    SELECT vault_id::text AS "vaultId", tier, sequence::float8 AS sequence, encode(digest, 'hex') AS id
    FROM ${sql.raw(TABLE)}
  `.execute(session.kysely);
  return rows[0] ?? null;
}

/** "a part of snapshot 3 of the tier main (0123456789ab)" */
export function partText({ tier, sequence, id }: PartOf): string {
  return `a part of snapshot ${sequence} of the tier ${tier} (${id.slice(0, 12)})`;
}

/** `location` names the database that was to continue a vault, without secrets. */
export function partRefused(location: string, part: PartOf, hint: string): ValenceError {
  return new ValenceError('usage/invalid', `${location} holds only ${partText(part)}, and so continues no vault`, {
    hint,
    context: { ...part },
  });
}

async function isMarked(session: Session): Promise<boolean> {
  const { rows } = await sql<{ marked: boolean }>`
    SELECT to_regclass(${TABLE}) IS NOT NULL AS marked
  `.execute(session.kysely);
  return rows[0]?.marked === true;
}
