import { toHex } from '../../src/core/bytes.ts';
import { uuidText } from '../../src/core/ids.ts';
import { openRepair, parseRepair } from '../../src/format/index/repair-record.ts';
import { openSegment, parseSegment } from '../../src/format/index/segment.ts';
import { decodeSegmentBody } from '../../src/format/index/segment-body.ts';
import type { IndexedStripe, SegmentBody } from '../../src/format/index/segment-body.ts';
import { ownerIdentity } from '../../src/format/keys/owner.ts';
import { decodeManifestBody } from '../../src/format/snapshot/body.ts';
import { decodeManifestHeader } from '../../src/format/snapshot/header.ts';
import { openBody, openSummary, parseManifest, verifyManifest } from '../../src/format/snapshot/manifest.ts';
import { decodeSummary } from '../../src/format/snapshot/summary.ts';
import type { PackedChunk } from '../../src/format/sealing/pack.ts';
import type { Operation } from './fields.ts';

/** Index segments, repair records and manifests, FORMAT.md §7 and §8. */
export const SNAPSHOT_OPERATIONS: Readonly<Record<string, Operation>> = {
  segment: (given) => {
    const segment = parseSegment(given.bytes('bytes'));
    return {
      header: segment.header,
      body: readable(openSegment(segment, given.bytes('indexKey'), given.verifyingKey())),
    };
  },
  'segment-body': (given) => readable(decodeSegmentBody(given.bytes('body'))),
  repair: (given) => {
    const record = parseRepair(given.bytes('bytes'));
    return { header: record.header, stripes: openRepair(record, given.bytes('indexKey')).map(stripeText) };
  },
  manifest: (given) => {
    const manifest = parseManifest(given.bytes('bytes'));
    verifyManifest(manifest, given.verifyingKey());
    const summary = openSummary(manifest, given.bytes('indexKey'));
    const body = openBody(manifest, ownerIdentity(given.bytes('masterSeed')));
    return hexed({ digest: manifest.digest, header: manifest.header, summary, body });
  },
  'manifest-header': (given) => hexed(decodeManifestHeader(given.utf8('json'))),
  'manifest-summary': (given) => hexed(decodeSummary(given.utf8('json'))),
  'manifest-body': (given) => hexed(decodeManifestBody(given.utf8('json'))),
};

function readable({ stripes, inline, dropped }: SegmentBody): unknown {
  return {
    stripes: stripes.map(stripeText),
    inline: inline.map(({ bytes, chunks }) => ({ bytes: toHex(bytes), chunks: chunks.map(chunkText) })),
    dropped: dropped.map(toHex),
  };
}

function stripeText({ geometry, shards, chunks }: IndexedStripe): unknown {
  return {
    ...geometry,
    packDigest: toHex(geometry.packDigest),
    shards: shards.map((shard) => ({ ...(hexed(shard) as object), holder: uuidText(shard.holder) })),
    chunks: chunks.map(chunkText),
  };
}

function chunkText({ name, length }: PackedChunk): unknown {
  return { name: toHex(name), length };
}

/** The value with every byte string in it as hexadecimal. */
function hexed(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value);
  if (Array.isArray(value)) return value.map(hexed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, hexed(field)]));
}
