/** A list of ids, best first, by the name of what made it. */
export type RankedLists = Readonly<Record<string, readonly string[]>>;

export interface Fused {
  readonly id: string;
  readonly score: number;
  /** Its place in each list that has it; 1 is the best. */
  readonly ranks: Readonly<Record<string, number>>;
}

/** From Cormack, Clarke and Büttcher 2009: dampens how much the first places of one list outweigh the others. */
const K = 60;

/**
 * Reciprocal rank fusion: the score of an id is the sum of 1 / (60 + its rank) over the lists that have it. Best first,
 * equal ones by id. Sums are taken in the order of the lists, so they are the same to the last bit.
 */
export function fuseRanks(lists: RankedLists): readonly Fused[] {
  const fused = new Map<string, { score: number; ranks: Record<string, number> }>();
  for (const [name, ids] of Object.entries(lists)) {
    ids.forEach((id, index) => {
      const entry = fused.get(id) ?? { score: 0, ranks: {} };
      entry.score += 1 / (K + index + 1);
      entry.ranks[name] = index + 1;
      fused.set(id, entry);
    });
  }
  return [...fused]
    .map(([id, { score, ranks }]) => ({ id, score, ranks }))
    .toSorted((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1));
}
