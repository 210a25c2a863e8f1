import { ValenceError } from '../../core/errors.ts';
import type { Cid } from './cid.ts';
import { decodeCid, encodeCid } from './cid.ts';

/**
 * Nodes of UnixFS: protocol buffers of dag-pb around one of UnixFS. Blocks come from anywhere, so whatever is not
 * exactly understood is refused. https://ipld.io/specs/codecs/dag-pb/spec/ and https://specs.ipfs.tech/unixfs/
 */
export interface DagNode {
  readonly kind: NodeKind;
  readonly links: readonly Link[];
  /** Of a file: the bytes before those of its links. */
  readonly data: Uint8Array;
  /** Of a file, its whole size in bytes; else 0. */
  readonly sizeBytes: number;
  /** Of a large folder that is spread over several nodes: how many slots each has; else 0. */
  readonly fanout: number;
}

export interface Link {
  readonly name: string;
  readonly cid: Cid;
  /** What the block and all it links to take, which for a raw block is its size. */
  readonly sizeBytes: number;
}

export type NodeKind = 'file' | 'folder' | 'folder-part' | 'other';

/** By the number that UnixFS gives them. A raw node is an old form of a file. */
const KINDS: readonly NodeKind[] = ['file', 'folder', 'file', 'other', 'other', 'folder-part'];
const FILE = 2;
const VARINT = 0;
const SIZED = 2;
const NO_BYTES = new Uint8Array(0);

/** @throws `format/malformed` */
export function decodeNode(block: Uint8Array): DagNode {
  const fields = readFields(block);
  const links = fields.filter((field) => field.number === 2).map((field) => decodeLink(field.bytes));
  const content = fields.find((field) => field.number === 1);
  if (content === undefined) throw malformed('a node of IPFS has no UnixFS data');
  const unixfs = readFields(content.bytes);
  const valueOf = (wanted: number): number => unixfs.find((field) => field.number === wanted)?.value ?? 0;
  const data = unixfs.find((field) => field.number === 2)?.bytes ?? NO_BYTES;
  const kind = KINDS[valueOf(1)] ?? 'other';
  const isFile = kind === 'file';
  return {
    kind,
    links,
    data: isFile ? data : NO_BYTES,
    sizeBytes: isFile ? valueOf(3) : 0,
    fanout: kind === 'folder-part' ? valueOf(6) : 0,
  };
}

/** The node of a file whose content is that of these raw blocks, in order, as `ipfs add --raw-leaves` makes it. */
export function encodeFileNode(leaves: readonly Omit<Link, 'name'>[]): Uint8Array {
  const total = leaves.reduce((sum, leaf) => sum + leaf.sizeBytes, 0);
  const links = leaves.flatMap(({ cid, sizeBytes }) =>
    sized(2, [...sized(1, [...encodeCid(cid)]), ...sized(2, []), ...varint(3, sizeBytes)]),
  );
  const sizes = leaves.flatMap(({ sizeBytes }) => varint(4, sizeBytes));
  return Uint8Array.from([...links, ...sized(1, [...varint(1, FILE), ...varint(3, total), ...sizes])]);
}

interface Field {
  readonly number: number;
  readonly value: number;
  readonly bytes: Uint8Array;
}

function decodeLink(bytes: Uint8Array): Link {
  const fields = readFields(bytes);
  const hash = fields.find((field) => field.number === 1);
  if (hash === undefined) throw malformed('a link of IPFS leads nowhere');
  const name = fields.find((field) => field.number === 2)?.bytes ?? NO_BYTES;
  const size = fields.find((field) => field.number === 3)?.value ?? 0;
  return { name: Buffer.from(name).toString('utf8'), cid: decodeCid(hash.bytes), sizeBytes: size };
}

function readFields(bytes: Uint8Array): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const next = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at];
      if (byte === undefined) throw malformed('a node of IPFS is cut off');
      at += 1;
      value += (byte & 127) * scale;
      if (!Number.isSafeInteger(value)) throw malformed('a number in a node of IPFS is too large');
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = next();
    const wire = tag & 7;
    if (wire !== VARINT && wire !== SIZED) throw malformed('a node of IPFS has a field of an unknown kind');
    const value = next();
    const end = wire === SIZED ? at + value : at;
    if (end > bytes.length) throw malformed('a node of IPFS is cut off');
    fields.push({ number: Math.floor(tag / 8), value, bytes: bytes.subarray(at, end) });
    at = end;
  }
  return fields;
}

function varint(field: number, value: number): number[] {
  return [field * 8 + VARINT, ...encodeVarint(value)];
}

function sized(field: number, bytes: readonly number[]): number[] {
  return [field * 8 + SIZED, ...encodeVarint(bytes.length), ...bytes];
}

function encodeVarint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...encodeVarint(Math.floor(value / 128))];
}

function malformed(message: string): ValenceError {
  return new ValenceError('format/malformed', message);
}
