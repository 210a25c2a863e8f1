import { fromHex, toHex } from '../../core/bytes.ts';
import type { Profile } from '../sealing/stripe.ts';
import { encodeJson, JsonFields } from './json-fields.ts';

/** What those who hold the index key may know of a snapshot without opening it. FORMAT.md §8.3. */

export interface SnapshotSummary {
  readonly contentRoot: Uint8Array;
  /** Rows a table, by name. */
  readonly counts: Readonly<Record<string, number>>;
  /** Encoded bytes of all rows. */
  readonly logicalBytes: number;
  /** Sealed bytes of the chunks that this snapshot added. */
  readonly newBytes: number;
  /** Bytes that it added to all holders together, this manifest not counted. */
  readonly storedBytes: number;
  /** Any this many failure domains may be lost. */
  readonly survives: number;
  /** Less than the tier promises. */
  readonly degraded: boolean;
  readonly schemaVersion: number;
  readonly engine: string;
  readonly profile: Profile;
  /** The holders that took part, for people and for the promise. */
  readonly holders: readonly SnapshotHolder[];
  /** The newest snapshots of all tiers that the writer knew: what shows a rollback of one tier. */
  readonly heads: readonly TierHead[];
}

export interface SnapshotHolder {
  /** UUID text. */
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly domain: string;
}

export interface TierHead {
  readonly tier: string;
  readonly sequence: number;
  readonly digest: Uint8Array;
}

export function encodeSummary(summary: SnapshotSummary): Uint8Array {
  return encodeJson({
    ...summary,
    contentRoot: toHex(summary.contentRoot),
    heads: summary.heads.map((head) => ({ ...head, digest: toHex(head.digest) })),
  });
}

/** @throws `format/malformed` */
export function decodeSummary(bytes: Uint8Array): SnapshotSummary {
  const fields = JsonFields.parse(bytes, 'snapshot summary');
  const profile = fields.object('profile');
  return {
    contentRoot: fields.digest('contentRoot'),
    counts: fields.counts('counts'),
    logicalBytes: fields.count('logicalBytes'),
    newBytes: fields.count('newBytes'),
    storedBytes: fields.count('storedBytes'),
    survives: fields.count('survives'),
    degraded: fields.flag('degraded'),
    schemaVersion: fields.count('schemaVersion'),
    engine: fields.text('engine'),
    profile: { k: profile.count('k'), n: profile.count('n') },
    holders: fields.objects('holders').map((holder) => ({
      id: holder.uuid('id'),
      name: holder.text('name'),
      type: holder.text('type'),
      domain: holder.text('domain'),
    })),
    heads: fields.objects('heads').map((head) => ({
      tier: head.text('tier'),
      sequence: head.count('sequence'),
      digest: fromHex(head.text('digest'), 32),
    })),
  };
}
