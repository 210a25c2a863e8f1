import { equalBytes } from '../core/bytes.ts';
import type { TreeLayout } from '../format/tables.ts';
import type { StoredRow } from './stored-row.ts';
import { TreeCursor } from './tree-cursor.ts';
import type { TreeSide } from './tree-cursor.ts';

/** What two trees of one table do not have in common, found by reading only where they differ. */

export interface TreePair {
  readonly layout: TreeLayout;
  /** Null: the snapshot has no such tree. */
  readonly before: TreeSide | null;
  readonly after: TreeSide | null;
  /** Content ids of both were made with one key; else every row of both is read. */
  readonly sameIds: boolean;
}

export type TreeDifference =
  | { readonly kind: 'added'; readonly after: StoredRow }
  | { readonly kind: 'changed'; readonly before: StoredRow; readonly after: StoredRow }
  | { readonly kind: 'removed'; readonly before: StoredRow }
  /** So many rows, one after another, that were not read. */
  | { readonly kind: 'counted'; readonly change: 'added' | 'removed'; readonly rows: number };

type Change = 'added' | 'removed';

/**
 * The rows that differ, in key order. Two cursors go along the trees; where both stand before subtrees of one content id,
 * both pass them unread, otherwise the higher one is opened, until rows meet. Heights and places of cuts do not matter.
 * `countOnly`: where whole subtrees were added or removed, their rows are counted and not read. Memory is bounded by a path
 * of each tree and a few chunks ahead.
 * @throws `integrity/*`, `format/malformed`
 */
export async function* diffTrees(
  pair: TreePair,
  { countOnly = false }: { readonly countOnly?: boolean } = {},
): AsyncGenerator<TreeDifference, void, undefined> {
  const { layout, sameIds } = pair;
  const before = new TreeCursor(pair.before, layout);
  const after = new TreeCursor(pair.after, layout);
  const walk = { before, after, sameIds, countOnly };
  while (!before.isAtEnd || !after.isAtEnd) {
    if (sameIds && isSameSubtree(before, after)) {
      before.skip();
      after.skip();
    } else if (isAlone(before, after, sameIds)) {
      yield* passAlone('removed', before, after, walk);
    } else if (isAlone(after, before, sameIds)) {
      yield* passAlone('added', after, before, walk);
    } else {
      yield* passBoth(walk);
    }
  }
}

interface Walk {
  readonly before: TreeCursor;
  readonly after: TreeCursor;
  readonly sameIds: boolean;
  readonly countOnly: boolean;
}

function isSameSubtree(a: TreeCursor, b: TreeCursor): boolean {
  if (a.subtree === null || b.subtree === null) return false;
  return a.subtree.label.level === b.subtree.label.level && equalBytes(a.subtree.contentId, b.subtree.contentId);
}

/** Whether what is at the head of `here` is known to come before everything that is left of `there`. */
function isAlone(here: TreeCursor, there: TreeCursor, sameIds: boolean): boolean {
  if (here.isAtEnd) return false;
  if (there.isAtEnd) return true;
  if (there.subtree !== null) return sameIds && here.stillHolds(there.subtree);
  const last = here.row === null ? here.subtree!.lastKey : here.row.key;
  return last !== null && Buffer.compare(last, there.row!.key) < 0;
}

async function* passAlone(
  change: Change,
  here: TreeCursor,
  there: TreeCursor,
  walk: Walk,
): AsyncGenerator<TreeDifference, void, undefined> {
  const { row, subtree } = here;
  if (row !== null) {
    yield change === 'added' ? { kind: 'added', after: row } : { kind: 'removed', before: row };
    here.skip();
  } else if (walk.countOnly) {
    yield { kind: 'counted', change, rows: subtree!.rows };
    here.skip();
  } else {
    await openHead(here, there, walk);
  }
}

/** Neither head comes before the other: rows of one key, or a subtree that must be opened. */
async function* passBoth(walk: Walk): AsyncGenerator<TreeDifference, void, undefined> {
  const { before, after, sameIds } = walk;
  if (before.row !== null && after.row !== null) {
    const [was, is] = [before.row, after.row];
    if (!(await is.isSame(was, sameIds))) yield { kind: 'changed', before: was, after: is };
    before.skip();
    after.skip();
    return;
  }
  const [levelBefore, levelAfter] = [levelOf(before), levelOf(after)];
  const opening: Promise<void>[] = [];
  if (levelBefore >= levelAfter) opening.push(openHead(before, after, walk));
  if (levelAfter >= levelBefore) opening.push(openHead(after, before, walk));
  await Promise.all(opening);
}

/** Above a leaf's for a node's, below it for a row's. */
function levelOf(cursor: TreeCursor): number {
  return cursor.subtree?.label.level ?? -1;
}

/** Siblings that the other tree cannot have will be opened too, but for those that are only counted. */
async function openHead(here: TreeCursor, there: TreeCursor, { sameIds, countOnly }: Walk): Promise<void> {
  await here.open((sibling) => {
    if (countOnly && (sibling.lastKey === null || there.endsBefore(sibling.lastKey))) return false;
    return !sameIds || !there.mayHold(sibling);
  });
}
