import { expect, it } from 'vitest';
import { BoundedCache } from '../../src/format/erasure/bounded-cache.ts';

it('keeps the values used last', () => {
  const made: string[] = [];
  const cache = new BoundedCache<string>(2);
  const use = (key: string): string =>
    cache.get(key, () => {
      made.push(key);
      return key.toUpperCase();
    });
  expect(['a', 'b', 'a', 'c', 'a', 'b'].map(use)).toEqual(['A', 'B', 'A', 'C', 'A', 'B']);
  expect(made).toEqual(['a', 'b', 'c', 'b']);
});
