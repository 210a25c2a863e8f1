import { ValenceError } from '../core/errors.ts';
import type { TreeId } from '../core/ports.ts';
import { layoutNamed, TREES } from '../format/tables.ts';

/** How the catalog's tables name a tree. */
export interface TreeColumns {
  /** FORMAT.md §5.2 */
  readonly tree: number;
  readonly model_id: string;
}

/** Stands where a tree is of no model; no model has this id, as its ids are those of RFC 9562 with a version. */
const NO_MODEL = '00000000-0000-0000-0000-000000000000';

/** @throws `format/malformed` for a name that is not in TREES */
export function treeColumns(tree: TreeId): TreeColumns {
  return { tree: layoutNamed(tree.name).code, model_id: tree.modelId ?? NO_MODEL };
}

/** @throws `format/newer` for a code that is not in TREES */
export function treeOfColumns(columns: TreeColumns): TreeId {
  const layout = TREES.find(({ code }) => code === columns.tree);
  if (layout === undefined) throw new ValenceError('format/newer', `the catalog knows a tree of code ${columns.tree}`);
  return columns.model_id === NO_MODEL ? { name: layout.name } : { name: layout.name, modelId: columns.model_id };
}
