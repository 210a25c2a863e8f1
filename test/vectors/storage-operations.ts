import { equalBytes, toHex } from '../../src/core/bytes.ts';
import { ValenceError } from '../../src/core/errors.ts';
import { systematicMatrix } from '../../src/format/erasure/matrix.ts';
import { openChunk, sealChunk } from '../../src/format/sealing/sealed-chunk.ts';
import { decodeStripe, encodeStripe, maskShard, stripeId } from '../../src/format/sealing/stripe.ts';
import type { StripeGeometry } from '../../src/format/sealing/stripe.ts';
import { commitShard, groupRoot } from '../../src/format/shard/merkle.ts';
import { sha256 } from '../../src/format/shard/name.ts';
import type { ChunkKind } from '../../src/format/tree/content-id.ts';
import type { Fields, Operation } from './fields.ts';
import { pattern } from './vector.ts';

/** Sealed chunks, stripes, masks and commitments, FORMAT.md §6. */
export const STORAGE_OPERATIONS: Readonly<Record<string, Operation>> = {
  'seal-chunk-as-it-is': (given) => {
    const random = { bytes: () => given.bytes('key') };
    const { name, sealed } = sealChunk(kindOf(given), given.bytes('chunk'), random, 'none');
    return { sealed: toHex(sealed), name: toHex(name) };
  },
  'open-chunk': (given) => ({ chunk: toHex(openChunk(kindOf(given), given.bytes('sealed'), given.bytes('key'))) }),
  matrix: (given) => ({ rows: systematicMatrix(given.number('k'), given.number('n')).map(toHex) }),
  'encode-stripe': (given) => {
    const { geometry, shards } = encodeStripe(given.bytes('pack'), { k: given.number('k'), n: given.number('n') });
    const { shardLength, packLength, packDigest } = geometry;
    return {
      shardLength,
      packLength,
      packDigest: toHex(packDigest),
      stripeId: toHex(stripeId(geometry)),
      shards: shards.map(toHex),
    };
  },
  'decode-stripe': (given) => ({ pack: toHex(decodeStripe(geometryOf(given), given.bytesOrNulls('shards'))) }),
  mask: (given) => {
    const [index, epoch] = [given.number('index'), given.number('epoch')];
    const context = { stripeId: given.bytes('stripeId'), index, holder: given.bytes('holder'), epoch };
    return { stored: toHex(maskShard(given.bytes('maskKey'), context, given.bytes('shard'))) };
  },
  'commit-pattern': (given) => {
    const { root, groups } = commitShard(pattern(given.number('length')));
    return { root: toHex(root), groups: groups.map(toHex) };
  },
  'audit-group': (given) => {
    if (equalBytes(groupRoot(given.bytes('group')), given.bytes('top'))) return {};
    throw new ValenceError('integrity/authentication-failed', 'a group has another top than the index states');
  },
  name: (given) => ({ name: toHex(sha256(given.bytes('bytes'))) }),
};

function kindOf(given: Fields): ChunkKind {
  return given.number('kind') as ChunkKind;
}

function geometryOf(given: Fields): StripeGeometry {
  const [k, n] = [given.number('k'), given.number('n')];
  const [shardLength, packLength] = [given.number('shardLength'), given.number('packLength')];
  return { code: 1, k, n, shardLength, packLength, packDigest: given.bytes('packDigest') };
}
