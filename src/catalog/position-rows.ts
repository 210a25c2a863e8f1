import { ByteWriter, utf8 } from '../core/bytes.ts';
import { uuidBytes } from '../core/ids.ts';
import type { TreeId, TreePosition } from '../core/ports.ts';
import type { Row } from './copy-fields.ts';
import { treeColumns } from './tree-columns.ts';

/** Positions as rows of `valence_catalog.chunks` in binary COPY. */

/** Target of COPY in. */
export const POSITION_TARGET =
  'valence_catalog.chunks (vault_id, tier, tree, model_id, level, last_key, piece, content_id, rows, bytes, name, key)';
const TARGET_COLUMNS = 12;

/** What COPY out selects of one tree, in the order that `positionOf` reads. */
export const POSITION_COLUMNS = ['level', 'last_key', 'piece', 'content_id', 'rows', 'bytes', 'name', 'key'] as const;

/** A COPY holds about so much: PGlite takes a stream into memory whole. */
const COPY_BYTES = 1024 * 1024;
/** With room for the row that goes beyond. */
const BUFFER_BYTES: number = COPY_BYTES + 1024;

/** The tuples, without header and trailer, in parts of about a mebibyte. */
export function* positionTuples(
  vaultId: string,
  tier: string,
  positions: Iterable<TreePosition>,
): Generator<Uint8Array, void, undefined> {
  const owner = new ByteWriter().u16(TARGET_COLUMNS).sized(uuidBytes(vaultId)).sized(utf8(tier)).finish();
  const prefixOf = treePrefixes();
  let writer = new ByteWriter(BUFFER_BYTES);
  for (const position of positions) {
    writer.bytes(owner).bytes(prefixOf(position.tree)).u32(2).u16(position.level).sized(position.lastKey);
    writer.u32(4).u32(position.piece).sized(position.contentId);
    writer.u32(8).u64(position.rows).u32(8).u64(position.bytes).sized(position.name).sized(position.key);
    if (writer.length < COPY_BYTES) continue;
    yield writer.finish();
    writer = new ByteWriter(BUFFER_BYTES);
  }
  if (writer.length > 0) yield writer.finish();
}

/** The columns of a tree, encoded once for each run of positions of the same. */
function treePrefixes(): (tree: TreeId) => Uint8Array {
  let last: { readonly tree: TreeId; readonly prefix: Uint8Array } | null = null;
  return (tree) => {
    if (last === null || last.tree.name !== tree.name || last.tree.modelId !== tree.modelId) {
      const columns = treeColumns(tree);
      const prefix = new ByteWriter(26).u32(2).u16(columns.tree).sized(uuidBytes(columns.model_id)).finish();
      last = { tree, prefix };
    }
    return last.prefix;
  };
}

/** A row of POSITION_COLUMNS; its bytes are views of the row's. */
export function positionOf(tree: TreeId, row: Row): TreePosition {
  const [level, lastKey, piece, contentId, rows, bytes, name, key] = row as unknown as readonly [
    Buffer,
    Buffer,
    Buffer,
    Buffer,
    Buffer,
    Buffer,
    Buffer,
    Buffer,
  ];
  return {
    tree,
    level: level.readInt16BE(),
    lastKey,
    piece: piece.readInt32BE(),
    contentId,
    rows: Number(rows.readBigInt64BE()),
    bytes: Number(bytes.readBigInt64BE()),
    name,
    key,
  };
}
