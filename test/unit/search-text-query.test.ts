import { expect, test } from 'vitest';
import { splitQuery, WORDS_TRIED_MAX } from '../../src/graph/search/text-query.ts';

test.for([
  ["'dog'", ["'dog'"], ["'dog'"]],
  ["'big' & 'dog'", ["'big'", "'dog'"], ["'big'", "'dog'"]],
  ["'big' <-> 'dog' & !'cat'", ["'big'", "'dog'"], ["'big' & ! 'cat'", "'dog' & ! 'cat'"]],
  ["'a' <2> 'b' | 'a'", ["'a'", "'b'"], ["'a'", "'b'"]],
  [
    "!( 'fat' <-> 'cat' ) & 'it''s' & !'x' & 'a\\\\b'",
    ["'it''s'", "'a\\\\b'"],
    ["'it''s' & ! ( 'fat' <-> 'cat' ) & ! 'x'", "'a\\\\b' & ! ( 'fat' <-> 'cat' ) & ! 'x'"],
  ],
  ["!!'a' & 'b'", ["'b'"], ["'b' & ! ! 'a'"]],
  ["'& | ! ( )' & '''' & ''''''", ["'& | ! ( )'", "''''", "''''''"], ["'& | ! ( )'", "''''", "''''''"]],
] as const)('%s is taken apart', ([query, words, each]) => {
  expect(splitQuery('simple', query)).toEqual({ language: 'simple', all: query, words, each });
});

test.for([
  ["'a' & 'a' & 'b' & 'a'", "'a' & 'b'"],
  ["'a' | 'a' & 'b' | 'a' & 'b' & 'a' | 'a'", "'a' | 'a' & 'b'"],
  ["'a' <-> 'a' & 'a' <-> 'a'", "'a' <-> 'a'"],
  ["'c' & !( 'a' & 'a' ) & !( 'a' & 'a' )", "'c' & ! ( 'a' & 'a' )"],
  ["'a' & !'b' & !'b' | 'c' & ( 'd' | 'd' )", "'a' & ! 'b' | 'c' & ( 'd' | 'd' )"],
] as const)('%s says nothing twice', ([query, all]) => {
  expect(splitQuery('simple', query)?.all).toBe(all);
});

test.for(['', "!'a'", "!( 'a' <-> 'b' ) & !'c'"])('%j has nothing to look for', (query) => {
  expect(splitQuery('simple', query)).toBeNull();
});

test('of many words the longest are tried, in the order they stand in', () => {
  const words = Array.from({ length: 100 }, (_, index) => `'${'w'.repeat(1 + ((index * 7) % 50))}${index}'`);
  const split = splitQuery('simple', words.join(' & '))!;
  expect(split.words).toHaveLength(100);
  expect(split.each).toHaveLength(WORDS_TRIED_MAX);
  const shortest = Math.min(...split.each.map((word) => word.length));
  const left = words.filter((word) => !split.each.includes(word));
  expect(Math.max(...left.map((word) => word.length))).toBeLessThanOrEqual(shortest);
  expect(split.each.toSorted((a, b) => words.indexOf(a) - words.indexOf(b))).toEqual(split.each);
});
