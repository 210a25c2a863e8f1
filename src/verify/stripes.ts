import type { ReadableBackend } from '../backends/backend.ts';
import { toHex } from '../core/bytes.ts';
import { isValenceError } from '../core/errors.ts';
import type { IndexedStripe, PlacedShard } from '../format/index/segment-body.ts';
import type { PackedChunk } from '../format/sealing/pack.ts';
import { decodeStripe, maskShard, stripeId } from '../format/sealing/stripe.ts';
import { commitShard } from '../format/shard/merkle.ts';
import { sha256, shardObjectName } from '../format/shard/name.ts';
import { someDecode } from '../vault/decode-any.ts';
import { placesOf } from '../vault/places.ts';
import type { Place } from '../vault/places.ts';
import { byIndex } from '../vault/presence.ts';
import type { Presence } from '../vault/presence.ts';
import { readOnce } from '../vault/read-object.ts';
import type { ObjectProblem } from '../vault/read-object.ts';
import type { Finding } from './finding.ts';

/** Stripes, by what places list or by every byte of every shard. */

export interface StripeCheck {
  /** Shards that are there and, where read, right. */
  readonly good: number;
  readonly findings: readonly Finding[];
  /** Of each shard whose holder is none of the places. */
  readonly absent: readonly Uint8Array[];
  readonly bytesRead: number;
}

/** Only what the listing says: of each index a shard where it should be, with its size. */
export function checkListed(stripe: IndexedStripe, presence: Presence): StripeCheck {
  const findings: Finding[] = [...unplaced(stripe)];
  const absent: Uint8Array[] = [];
  const indices = byIndex(stripe.shards);
  let good = indices.size;
  for (const { shard, problems } of presence.lacking(stripe)) {
    const same = indices.get(shard.index)!;
    const [elsewhere] = same.flatMap((each) => presence.elsewhere(each, stripe.geometry.shardLength));
    findings.push(...problems.map(shardFinding));
    if (elsewhere !== undefined) findings.push(misplaced(shard, elsewhere));
    else good -= 1;
    if (elsewhere === undefined && problems.length === 0) absent.push(shard.holder);
  }
  return { good, findings: [...findings, ...lossOf(stripe, good)], absent, bytesRead: 0 };
}

export interface ShardReading {
  readonly places: readonly Place[];
  readonly presence: Presence;
  readonly maskKey: Uint8Array;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads a shard of each index: its digest and its Merkle commitment must be what the index says, the shards must decode to the
 * pack, and the pack must hold the chunks by their names. What the writer claimed is recomputed from the bytes alone.
 */
export async function checkRead(stripe: IndexedStripe, reading: ShardReading): Promise<StripeCheck> {
  const id = stripeId(stripe.geometry);
  const findings: Finding[] = [...unplaced(stripe)];
  const shards: (Uint8Array | null)[] = Array.from({ length: stripe.geometry.n }, () => null);
  const absent: Uint8Array[] = [];
  let [bytesRead, archived] = [0, 0];
  for (const [index, same] of byIndex(stripe.shards)) {
    const found: Finding[] = [];
    for (const shard of same) {
      const read = await readShard(shard, stripe.geometry.shardLength, reading);
      bytesRead += read.bytes?.length ?? 0;
      if (read.bytes === null) found.push(...read.findings);
      else {
        found.splice(0, found.length, ...read.findings);
        shards[index] = maskShard(reading.maskKey, { stripeId: id, ...shard }, read.bytes);
        break;
      }
    }
    findings.push(...found);
    if (shards[index] === null && found.length === 0) absent.push(same[0]!.holder);
    if (shards[index] === null && found.some(({ kind }) => kind === 'shard-archived')) archived += 1;
  }
  const read = shards.filter((shard) => shard !== null).length;
  // What lies in an archive is there; nothing more can be said of it before it is brought back.
  const good = read + archived;
  findings.push(...lossOf(stripe, good), ...(read >= stripe.geometry.k ? inconsistencies(stripe, shards) : []));
  return { good, findings, absent, bytesRead };
}

async function readShard(
  shard: PlacedShard,
  shardLength: number,
  { places, presence, signal }: ShardReading,
): Promise<{ bytes: Uint8Array | null; findings: readonly Finding[] }> {
  const object = shardObjectName(shard.name);
  const findings: Finding[] = [];
  for (const backend of placesOf(places, shard.holder)) {
    const bytes = await readOnce(backend, object, signal, { digest: shard.name });
    if (typeof bytes !== 'string' && isCommitted(shard, shardLength, bytes)) return { bytes, findings: [] };
    findings.push(
      shardFinding({ location: backend.location, object, kind: typeof bytes === 'string' ? bytes : 'corrupt' }),
    );
  }
  for (const backend of presence.elsewhere(shard, shardLength)) {
    const bytes = await readOnce(backend, object, signal, { digest: shard.name });
    if (typeof bytes !== 'string' && isCommitted(shard, shardLength, bytes))
      return { bytes, findings: [...findings, misplaced(shard, backend)] };
  }
  return { bytes: null, findings };
}

function misplaced(shard: PlacedShard, { location }: ReadableBackend): Finding {
  const detail = 'it lies here and not with its own holder';
  return { kind: 'shard-misplaced', severity: 'error', location, object: shardObjectName(shard.name), detail };
}

function isCommitted(shard: PlacedShard, shardLength: number, bytes: Uint8Array): boolean {
  if (bytes.length !== shardLength || bytes.length === 0 || Buffer.compare(sha256(bytes), shard.name) !== 0)
    return false;
  const { root, groups } = commitShard(bytes);
  return (
    Buffer.compare(root, shard.root) === 0 && groups.every((group, i) => Buffer.compare(group, shard.groups[i]!) === 0)
  );
}

/** Damage that no single shard shows: the shards are what the index says, but the index says wrong. */
function inconsistencies(stripe: IndexedStripe, shards: readonly (Uint8Array | null)[]): Finding[] {
  const found = (detail: string): Finding[] => [
    {
      kind: 'stripe-inconsistent',
      severity: 'error',
      location: 'the index',
      object: toHex(stripeId(stripe.geometry)),
      detail,
    },
  ];
  try {
    const pack = decodeStripe(stripe.geometry, shards);
    if (holdsItsChunks(pack, stripe.chunks)) return [];
    return found('a chunk in it does not have the name the index gives');
  } catch (error) {
    if (!isValenceError(error, 'integrity/authentication-failed')) throw error;
    const plain = shards.flatMap((bytes, index) => (bytes === null ? [] : [{ index, bytes }]));
    if (stripe.signed === undefined || !someDecode(stripe.geometry, plain)) return found(error.message);
    return found('a repair record names a shard that is not of this stripe').map((finding) => ({
      ...finding,
      kind: 'shard-corrupt',
    }));
  }
}

/** Whether every chunk in a pack has the name that the index gives. */
export function holdsItsChunks(pack: Uint8Array, chunks: readonly PackedChunk[]): boolean {
  let offset = 0;
  return chunks.every(({ name, length }) => {
    const chunk = pack.subarray(offset, offset + length);
    offset += length;
    return Buffer.compare(sha256(chunk), name) === 0;
  });
}

function unplaced(stripe: IndexedStripe): Finding[] {
  const missing = stripe.geometry.n - byIndex(stripe.shards).size;
  if (missing === 0) return [];
  const detail = `${missing} of ${stripe.geometry.n} shards found no holder when it was written`;
  return [
    {
      kind: 'shard-not-placed',
      severity: 'warning',
      location: 'the tier',
      object: toHex(stripeId(stripe.geometry)),
      detail,
    },
  ];
}

function lossOf(stripe: IndexedStripe, good: number): Finding[] {
  const { k, n } = stripe.geometry;
  if (good >= k) return [];
  const detail = `${good} of ${n} shards are left and ${k} are needed`;
  return [
    { kind: 'stripe-lost', severity: 'error', location: 'the tier', object: toHex(stripeId(stripe.geometry)), detail },
  ];
}

function shardFinding({ location, object, kind }: ObjectProblem): Finding {
  if (kind === 'archived') {
    const detail =
      'the shard lies in an archive; it was asked for, and can be checked when the store has brought it back';
    return { kind: 'shard-archived', severity: 'info', location, object, detail };
  }
  const corrupt = kind === 'corrupt';
  const detail = corrupt ? 'the shard is damaged' : `the shard is ${kind}`;
  return { kind: corrupt ? 'shard-corrupt' : 'shard-missing', severity: 'error', location, object, detail };
}
