import { fromHex, toHex } from '../../core/bytes.ts';
import { ValenceError } from '../../core/errors.ts';
import { TIER_NAME } from '../index/segment.ts';
import { encodeJson, JsonFields } from './json-fields.ts';

/** The clear part of a manifest: what a backend may see. FORMAT.md §8.2. */

export interface ManifestHeader {
  /** UUID texts. */
  readonly vaultId: string;
  readonly generation: string;
  readonly writerId: string;
  readonly tier: string;
  /** Greater than that of every snapshot of the tier that the writer knew. Order comes from here, never from a clock. */
  readonly sequence: number;
  /** Digest of this writer's snapshot before this one in the tier; null for its first. */
  readonly previous: Uint8Array | null;
  /** Milliseconds since 1970, for people. */
  readonly createdAt: number;
  /** 32 random bytes. */
  readonly salt: Uint8Array;
  /** Names of the index segments that together say where all chunks of the tier lie. */
  readonly index: readonly Uint8Array[];
}

const WHAT = 'snapshot header';
/** There must always be a next one. */
const SEQUENCE_MAX = 2 ** 52;
/** The last millisecond that ECMAScript can name. */
const TIME_MAX = 8.64e15;

export function encodeManifestHeader(header: ManifestHeader): Uint8Array {
  return encodeJson({
    vault: header.vaultId,
    generation: header.generation,
    writer: header.writerId,
    tier: header.tier,
    sequence: header.sequence,
    previous: header.previous === null ? null : toHex(header.previous),
    createdAt: header.createdAt,
    salt: toHex(header.salt),
    index: header.index.map((name) => toHex(name)),
    requiredFeatures: [],
  });
}

/** @throws `format/malformed`, `format/newer` for a required feature */
export function decodeManifestHeader(bytes: Uint8Array): ManifestHeader {
  const fields = JsonFields.parse(bytes, WHAT);
  refuseFeatures(fields.texts('requiredFeatures'));
  const tier = fields.text('tier');
  const sequence = fields.count('sequence');
  const createdAt = fields.count('createdAt');
  if (!TIER_NAME.test(tier) || sequence < 1 || sequence > SEQUENCE_MAX || createdAt > TIME_MAX)
    throw new ValenceError('format/malformed', `malformed ${WHAT}: impossible tier, sequence or time`);
  return {
    vaultId: fields.uuid('vault'),
    generation: fields.uuid('generation'),
    writerId: fields.uuid('writer'),
    tier,
    sequence,
    previous: fields.digestOrNull('previous'),
    createdAt,
    salt: fields.digest('salt'),
    index: fields.texts('index').map((name) => fromHex(name, 32)),
  };
}

function refuseFeatures(features: readonly string[]): void {
  if (features.length === 0) return;
  throw new ValenceError(
    'format/newer',
    `this snapshot needs features this program does not know: ${features.join(', ')}`,
    {
      hint: 'upgrade valence and try again',
    },
  );
}
