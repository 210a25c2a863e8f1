import { expect, test } from 'vitest';
import { fuseRanks } from '../../src/graph/search/reciprocal-ranks.ts';
import { seededRandom } from '../support/seeded-random.ts';

test('ranks of both lists add up, and equal scores are in the order of ids', () => {
  expect(fuseRanks({ text: ['b', 'a'], vector: ['a', 'b', 'c'] })).toEqual([
    { id: 'a', score: 1 / 62 + 1 / 61, ranks: { text: 2, vector: 1 } },
    { id: 'b', score: 1 / 61 + 1 / 62, ranks: { text: 1, vector: 2 } },
    { id: 'c', score: 1 / 63, ranks: { vector: 3 } },
  ]);
  expect(fuseRanks({ text: [], vector: [] })).toEqual([]);
});

test('is what a table of all ids gives, whatever the lists', () => {
  const random = seededRandom('fusion');
  for (let round = 0; round < 300; round += 1) {
    const lists = { text: shuffled(random.bytes(40)), vector: shuffled(random.bytes(40)) };
    const ids = [...new Set([...lists.text, ...lists.vector])];
    const score = (id: string): number =>
      Object.values(lists).reduce((sum, list) => sum + (list.includes(id) ? 1 / (60 + list.indexOf(id) + 1) : 0), 0);
    const expected = ids.toSorted((a, b) => score(b) - score(a) || (a < b ? -1 : 1));
    expect(fuseRanks(lists).map(({ id }) => id)).toEqual(expected);
    for (const { id, score: given } of fuseRanks(lists)) expect(given).toBe(score(id));
  }
});

/** Some of sixty ids, each once. */
function shuffled(bytes: Uint8Array): readonly string[] {
  return [...new Set([...bytes].slice(1, bytes[0]! % 40))]
    .map((byte) => `id${byte % 60}`)
    .filter((id, index, all) => all.indexOf(id) === index);
}
