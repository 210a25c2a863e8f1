import { invariant } from '../../core/errors.ts';
import { uuidText } from '../../core/ids.ts';
import type { TreeChanges } from '../../core/ports.ts';
import { keyShape } from '../../format/rows/row-key.ts';
import type { TreeLayout, TreeName } from '../../format/tables.ts';
import { layoutNamed, TREES } from '../../format/tables.ts';
import type { LoggedKeys } from '../../schema/change-log.ts';

/** Makes the entries of the change log into the changed keys of each tree. */

/** With more a full scan of the tree is no dearer, and a bound of memory it is. */
const KEYS_MAX = 200_000;
const UUID_BYTES = 16;

/**
 * The changed keys of each tree, in the order of FORMAT.md §5.2; of embeddings for these models, which are those of the
 * snapshot. Null: an entry makes no sense.
 */
export async function changedKeys(
  entries: AsyncIterable<readonly LoggedKeys[]>,
  models: readonly string[],
): Promise<readonly TreeChanges[] | null> {
  const changed = new Map<number, ChangedTable>(
    TREES.filter((layout) => layout.derived !== true).map((layout) => [layout.code, tableOf(layout, models)]),
  );
  for await (const batch of entries) {
    if (!batch.every(({ tree, keys }) => addEntry(changed.get(tree), keys))) return null;
  }
  return TREES.flatMap((layout) => changesOf(layout, changed));
}

function addEntry(table: ChangedTable | undefined, keys: Uint8Array | null): boolean {
  if (table === undefined || (keys !== null && keys.length % table.keyBytes !== 0)) return false;
  if (keys === null) table.addAll();
  else for (let at = 0; at < keys.length; at += table.keyBytes) table.add(keys.subarray(at, at + table.keyBytes));
  return true;
}

/** What the log holds of one table. */
interface ChangedTable {
  readonly keyBytes: number;
  add(key: Uint8Array): void;
  addAll(): void;
  changes(): readonly TreeChanges[];
}

function tableOf(layout: TreeLayout, models: readonly string[]): ChangedTable {
  return layout.perModel === true ? embeddingsTable(layout, models) : plainTable(layout);
}

function plainTable(layout: TreeLayout): ChangedTable {
  const keys = new KeyCollection();
  return {
    keyBytes: keyShape(layout).keyBytes,
    add: (key) => keys.add(key),
    addAll: () => keys.addAll(),
    changes: () => listed({ name: layout.name }, keys.settle()),
  };
}

/** Of models that are no longer there, their trees are not either. */
function embeddingsTable(layout: TreeLayout, models: readonly string[]): ChangedTable {
  const collections = new Map(models.map((id) => [id, new KeyCollection()]));
  return {
    keyBytes: UUID_BYTES + keyShape(layout).keyBytes,
    add: (key) => collections.get(uuidText(key.subarray(0, UUID_BYTES)))?.add(key.subarray(UUID_BYTES)),
    addAll: () => collections.forEach((keys) => keys.addAll()),
    changes: () =>
      models.flatMap((modelId) => listed({ name: layout.name, modelId }, collections.get(modelId)!.settle())),
  };
}

function listed(tree: TreeChanges['tree'], keys: TreeChanges['keys']): readonly TreeChanges[] {
  return keys !== 'all' && keys.length === 0 ? [] : [{ tree, keys }];
}

function changesOf(layout: TreeLayout, changed: ReadonlyMap<number, ChangedTable>): readonly TreeChanges[] {
  if (layout.derived !== true) return changed.get(layout.code)!.changes();
  invariant(layout.name === 'belief_edges_reverse', 'every derived tree has its rule');
  const forward = changed.get(codeOf('belief_edges'))!.changes();
  return forward.flatMap(({ keys }) =>
    listed({ name: layout.name }, keys === 'all' ? keys : sortedOnce(keys.map(reversed))),
  );
}

function codeOf(name: TreeName): number {
  return layoutNamed(name).code;
}

/** source ‖ type ‖ target ‖ id as target ‖ type ‖ source ‖ id. */
function reversed(key: Uint8Array): Uint8Array {
  return Buffer.concat([key.subarray(32, 48), key.subarray(16, 32), key.subarray(0, 16), key.subarray(48)]);
}

/** Keys, each at least once, until there are too many. */
class KeyCollection {
  #keys: readonly Uint8Array[] | 'all' = [];
  #added: Uint8Array[] = [];

  add(key: Uint8Array): void {
    if (this.#keys !== 'all' && this.#added.push(key) >= KEYS_MAX) this.settle();
  }

  addAll(): void {
    this.#keys = 'all';
    this.#added = [];
  }

  /** Ascending, each once. */
  settle(): readonly Uint8Array[] | 'all' {
    if (this.#keys === 'all') return 'all';
    this.#keys = sortedOnce([...this.#keys, ...this.#added]);
    this.#added = [];
    if (this.#keys.length > KEYS_MAX) this.addAll();
    return this.#keys;
  }
}

function sortedOnce(keys: readonly Uint8Array[]): readonly Uint8Array[] {
  return keys
    .toSorted((a, b) => Buffer.compare(a, b))
    .filter((key, index, sorted) => index === 0 || Buffer.compare(key, sorted[index - 1]!) !== 0);
}
