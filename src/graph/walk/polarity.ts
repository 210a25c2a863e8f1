import type { EdgeType } from '../records/vocabulary.ts';

/** What one end of a path says about the other: the product of its edges, `contradicts` turning it round, all others not. */
export type Polarity = 'supports' | 'opposes';

export function after(before: Polarity, type: EdgeType): Polarity {
  if (type !== 'contradicts') return before;
  return before === 'supports' ? 'opposes' : 'supports';
}

export function polarityOf(types: readonly EdgeType[]): Polarity {
  return types.reduce(after, 'supports');
}
