/** Part of the reader in stranger.ts: tables and the values of rows. Numbers in comments are sections of FORMAT.md. */
import { hex, need, Reader } from './stranger-keys.ts';

// 5.2, with the types of the columns
export const BELIEF =
  'content text, confidence real, dimensions jsonb, domains text[], status text, valid_from timestamptz, valid_until timestamptz, metadata jsonb';
export const EDGE_TIMES =
  'valid_from timestamptz, valid_until timestamptz, retired_at timestamptz, metadata jsonb, created_at timestamptz';
export const TREES: Readonly<Record<number, readonly [name: string, columns: string, keyBytes: number]>> = {
  1: ['beliefs', `id uuid, ${BELIEF}, version int4, created_at timestamptz, updated_at timestamptz`, 16],
  2: [
    'belief_versions',
    `belief_id uuid, version int4, ${BELIEF}, recorded_at timestamptz, replaced_at timestamptz`,
    20,
  ],
  3: [
    'sources',
    'id uuid, type text, external_id text, title text, uri text, metadata jsonb, created_at timestamptz, retired_at timestamptz',
    16,
  ],
  4: ['belief_sources', 'belief_id uuid, source_id uuid, metadata jsonb, created_at timestamptz', 32],
  5: ['belief_edges', `source_id uuid, type text, target_id uuid, id uuid, weight real, ${EDGE_TIMES}`, 64],
  6: ['belief_edges_reverse', 'target_id uuid, type text, source_id uuid, id uuid', 64],
  7: ['models', 'id uuid, name text, dimensions int4, metadata jsonb, created_at timestamptz', 16],
  8: ['belief_embeddings', 'belief_id uuid, embedding vector', 16],
};

// 5.1
export function uuidText(bytes: Uint8Array): string {
  return hex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

export function readValue(type: string, bytes: Buffer): unknown {
  const reader = new Reader(bytes);
  switch (type) {
    case 'uuid':
      return uuidText(bytes);
    case 'text':
      return bytes.toString('utf8');
    case 'int4':
      return bytes.readInt32BE();
    case 'real':
      return bytes.readFloatBE();
    case 'timestamptz': {
      const micros = bytes.readBigInt64BE() + BigInt(Date.UTC(2000, 0, 1)) * 1000n;
      const fraction = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
      return new Date(Number((micros - fraction) / 1000n))
        .toISOString()
        .replace('.000Z', `.${String(fraction).padStart(6, '0')}Z`);
    }
    case 'jsonb':
      need(reader.u8() === 1, 'unknown jsonb version');
      return bytes.subarray(1).toString('utf8');
    case 'text[]': {
      const dimensions = reader.i32();
      need(reader.i32() === 0 && reader.i32() === 25, 'not an array of text');
      if (dimensions === 0) return [];
      const count = reader.i32();
      need(reader.i32() === 1, 'an array that does not begin at 1');
      return Array.from({ length: count }, () => reader.take(reader.i32()).toString('utf8'));
    }
    default:
      return Array.from({ length: bytes.readInt16BE() }, (_, i) => bytes.readFloatBE(4 + 4 * i));
  }
}
