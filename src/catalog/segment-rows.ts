import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import { equalBytes, toHex } from '../core/bytes.ts';
import type { CatalogSegment } from '../core/ports.ts';
import type { Session } from '../schema/database.ts';
import type { TierOfVault } from './position-changes.ts';
import { encodeStripes } from './stripe-list.ts';

/** Makes the stored segments of a tier these, in this order, and writes only rows that are different. */
export async function replaceSegments(
  session: Session,
  { vaultId, tier }: TierOfVault,
  segments: readonly CatalogSegment[],
): Promise<void> {
  const stored = new Map((await storedSegments(session, { vaultId, tier })).map((row) => [toHex(row.digest), row]));
  for (const [ordinal, segment] of segments.entries()) {
    const row = { ordinal, size_bytes: segment.sizeBytes, stripes: Buffer.from(encodeStripes(segment.stripes)) };
    const before = stored.get(toHex(segment.digest));
    stored.delete(toHex(segment.digest));
    const unchanged =
      before?.ordinal === ordinal &&
      before.size_bytes === row.size_bytes &&
      equalBytes(before.stripes_digest, createHash('sha256').update(row.stripes).digest());
    if (unchanged) continue;
    await session.kysely
      .insertInto('valence_catalog.segments')
      .values({ vault_id: vaultId, tier, digest: Buffer.from(segment.digest), ...row })
      .onConflict((conflict) => conflict.columns(['vault_id', 'tier', 'digest']).doUpdateSet(row))
      .execute();
  }
  if (stored.size === 0) return;
  await session.kysely
    .deleteFrom('valence_catalog.segments')
    .where('vault_id', '=', vaultId)
    .where('tier', '=', tier)
    .where(
      'digest',
      'in',
      [...stored.values()].map(({ digest }) => Buffer.from(digest)),
    )
    .execute();
}

interface StoredSegment {
  readonly ordinal: number;
  readonly digest: Uint8Array;
  readonly size_bytes: number;
  readonly stripes_digest: Uint8Array;
}

function storedSegments(session: Session, { vaultId, tier }: TierOfVault): Promise<readonly StoredSegment[]> {
  return session.kysely
    .selectFrom('valence_catalog.segments')
    .select(['ordinal', 'digest', 'size_bytes', sql<Uint8Array>`sha256(stripes)`.as('stripes_digest')])
    .where('vault_id', '=', vaultId)
    .where('tier', '=', tier)
    .execute();
}
