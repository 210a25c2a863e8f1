import { toHex } from '../core/bytes.ts';
import { isValenceError } from '../core/errors.ts';
import type { IndexedStripe, PlacedShard } from '../format/index/segment-body.ts';
import { decodeStripe, maskShard, stripeId } from '../format/sealing/stripe.ts';
import { commitShard } from '../format/shard/merkle.ts';
import { sha256, shardObjectName } from '../format/shard/name.ts';
import type { Place } from '../vault/places.ts';
import type { Presence } from '../vault/presence.ts';
import { readOnce } from '../vault/read-object.ts';
import type { ObjectProblem } from '../vault/read-object.ts';
import { placesOf } from '../vault/stripe-reader.ts';
import type { Finding } from './finding.ts';

/** Stripes, by what places list or by every byte of every shard. */

export interface StripeCheck {
  /** Shards that are there and, where read, right. */
  readonly good: number;
  readonly findings: readonly Finding[];
  readonly bytesRead: number;
}

/** Only what the listing says: each shard where it should be, with its size. */
export function checkListed(stripe: IndexedStripe, presence: Presence): StripeCheck {
  const { present, lacking } = presence.inspect(stripe);
  return { good: present, findings: [...unplaced(stripe), ...lacking.map(shardFinding), ...lossOf(stripe, present)], bytesRead: 0 };
}

/**
 * Reads every shard: its digest and its Merkle commitment must be what the index says, the shards must decode to the
 * pack, and the pack must hold the chunks by their names. What the writer claimed is recomputed from the bytes alone.
 */
export async function checkRead(
  stripe: IndexedStripe,
  places: readonly Place[],
  maskKey: Uint8Array,
  signal?: AbortSignal,
): Promise<StripeCheck> {
  const id = stripeId(stripe.geometry);
  const findings: Finding[] = [...unplaced(stripe)];
  const shards: (Uint8Array | null)[] = Array.from({ length: stripe.geometry.n }, () => null);
  let bytesRead = 0;
  for (const shard of stripe.shards) {
    const read = await readShard(shard, places, signal);
    findings.push(...read.problems.map(shardFinding));
    bytesRead += read.bytes?.length ?? 0;
    if (read.bytes !== null) shards[shard.index] = maskShard(maskKey, { stripeId: id, ...shard }, read.bytes);
  }
  const good = shards.filter((shard) => shard !== null).length;
  findings.push(...lossOf(stripe, good), ...(good >= stripe.geometry.k ? inconsistencies(stripe, shards) : []));
  return { good, findings, bytesRead };
}

async function readShard(
  shard: PlacedShard,
  places: readonly Place[],
  signal?: AbortSignal,
): Promise<{ bytes: Uint8Array | null; problems: readonly ObjectProblem[] }> {
  const object = shardObjectName(shard.name);
  const problems: ObjectProblem[] = [];
  for (const backend of placesOf(places, shard.holder)) {
    const bytes = await readOnce(backend, object, signal);
    if (typeof bytes !== 'string' && isCommitted(shard, bytes)) return { bytes, problems: [] };
    problems.push({ location: backend.location, object, kind: typeof bytes === 'string' ? bytes : 'corrupt' });
  }
  if (problems.length === 0) problems.push({ location: 'a holder that was not named', object, kind: 'unavailable' });
  return { bytes: null, problems };
}

function isCommitted(shard: PlacedShard, bytes: Uint8Array): boolean {
  if (bytes.length === 0 || Buffer.compare(sha256(bytes), shard.name) !== 0) return false;
  const { root, groups } = commitShard(bytes);
  return Buffer.compare(root, shard.root) === 0 && groups.every((group, i) => Buffer.compare(group, shard.groups[i]!) === 0);
}

/** Damage that no single shard shows: the shards are what the index says, but the index says wrong. */
function inconsistencies(stripe: IndexedStripe, shards: readonly (Uint8Array | null)[]): Finding[] {
  const found = (detail: string): Finding[] => [
    { kind: 'stripe-inconsistent', severity: 'error', location: 'the index', object: toHex(stripeId(stripe.geometry)), detail },
  ];
  try {
    const pack = decodeStripe(stripe.geometry, shards);
    let offset = 0;
    for (const { name, length } of stripe.chunks) {
      const chunk = pack.subarray(offset, offset + length);
      if (Buffer.compare(sha256(chunk), name) !== 0) return found('a chunk in it does not have the name the index gives');
      offset += length;
    }
    return [];
  } catch (error) {
    if (isValenceError(error, 'integrity/authentication-failed')) return found(error.message);
    throw error;
  }
}

function unplaced(stripe: IndexedStripe): Finding[] {
  const missing = stripe.geometry.n - stripe.shards.length;
  if (missing === 0) return [];
  const detail = `${missing} of ${stripe.geometry.n} shards found no holder when it was written`;
  return [{ kind: 'shard-not-placed', severity: 'warning', location: 'the tier', object: toHex(stripeId(stripe.geometry)), detail }];
}

function lossOf(stripe: IndexedStripe, good: number): Finding[] {
  const { k, n } = stripe.geometry;
  if (good >= k) return [];
  const detail = `${good} of ${n} shards are left and ${k} are needed`;
  return [{ kind: 'stripe-lost', severity: 'error', location: 'the tier', object: toHex(stripeId(stripe.geometry)), detail }];
}

function shardFinding({ location, object, kind }: ObjectProblem): Finding {
  const corrupt = kind === 'corrupt';
  const detail = corrupt ? 'the shard is damaged' : `the shard is ${kind}`;
  return { kind: corrupt ? 'shard-corrupt' : 'shard-missing', severity: 'error', location, object, detail };
}
