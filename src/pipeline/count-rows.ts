import { TREES } from '../format/tables.ts';
import type { TreeSummary } from '../format/tree/content-id.ts';

/** Rows a table; a reverse tree repeats rows and is not counted. */
export function countRows(trees: readonly TreeSummary[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const layout of TREES) {
    if (layout.derived === true) continue;
    const rows = trees.filter((tree) => tree.code === layout.code).map((tree) => tree.rows);
    counts[layout.name] = rows.reduce((sum, count) => sum + count, 0);
  }
  return counts;
}
