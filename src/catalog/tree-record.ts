import { fromHex, toHex } from '../core/bytes.ts';
import { ValenceError } from '../core/errors.ts';
import type { CatalogTree } from '../core/ports.ts';
import { treeColumns, treeOfColumns } from './tree-columns.ts';

/** One element of the JSON array in `valence_catalog.heads.trees`: the root of a tree; bytes in hexadecimal. */
interface TreeRecord {
  /** FORMAT.md §5.2 */
  readonly code: number;
  /** All zeros where the tree is of no model. */
  readonly model: string;
  readonly rowVersion: number;
  readonly level: number;
  readonly contentId: string;
  readonly rows: number;
  readonly bytes: number;
  readonly name: string;
  readonly key: string;
  /** Chunks a level, leaves first. */
  readonly chunks: readonly number[];
}

/** The text of the JSON array. @throws `format/malformed` for a tree that is not in TREES */
export function encodeTrees(trees: readonly CatalogTree[]): string {
  return JSON.stringify(trees.map(recordOf));
}

/** The parsed JSON array as trees. @throws `format/malformed`, or `format/newer` for a tree that is not in TREES */
export function decodeTrees(json: unknown): readonly CatalogTree[] {
  if (!Array.isArray(json)) throw malformed();
  return json.map((item: unknown) => {
    if (!isTreeRecord(item)) throw malformed();
    return treeOfRecord(item);
  });
}

function recordOf(tree: CatalogTree): TreeRecord {
  const { tree: code, model_id: model } = treeColumns(tree.tree);
  return {
    code,
    model,
    rowVersion: tree.rowVersion,
    level: tree.level,
    contentId: toHex(tree.contentId),
    rows: tree.rows,
    bytes: tree.bytes,
    name: toHex(tree.name),
    key: toHex(tree.key),
    chunks: tree.chunks,
  };
}

function treeOfRecord(record: TreeRecord): CatalogTree {
  const { code, model, rowVersion, level, rows, bytes, chunks } = record;
  return {
    tree: treeOfColumns({ tree: code, model_id: model }),
    rowVersion,
    level,
    contentId: fromHex(record.contentId, 32),
    rows,
    bytes,
    name: fromHex(record.name, 32),
    key: fromHex(record.key, 32),
    chunks,
  };
}

function isTreeRecord(item: unknown): item is TreeRecord {
  if (typeof item !== 'object' || item === null) return false;
  const fields = item as Readonly<Partial<Record<keyof TreeRecord, unknown>>>;
  return (
    [fields.code, fields.rowVersion, fields.level, fields.rows, fields.bytes].every(isCount) &&
    [fields.model, fields.contentId, fields.name, fields.key].every((field) => typeof field === 'string') &&
    Array.isArray(fields.chunks) &&
    fields.chunks.every(isCount)
  );
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Without what stands there: it holds keys of chunks. */
function malformed(): ValenceError {
  return new ValenceError('format/malformed', 'the catalog remembers trees in a form that is not known', {
    hint: 'the catalog is only a cache: delete the rows of valence_catalog.heads, and the next run stores everything anew',
  });
}
