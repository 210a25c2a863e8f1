import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { explainPromise, mended } from '../../src/placement/explain-promise.ts';
import type { Layout } from '../../src/placement/explain-promise.ts';
import { promisedBy } from '../../src/placement/promise.ts';

const runs = { seed: 4711, numRuns: process.env['SLOW'] === '1' ? 5_000 : 400 };

const kinds = fc.record({
  provider: fc.option(fc.constantFrom('aws', 'b2', 'wasabi')),
  owner: fc.option(fc.constantFrom('anna', 'bella')),
  region: fc.option(fc.constantFrom('north', 'south')),
});

/** Up to seven places, each a device of its own that may share a provider, an owner or a region with others. */
const layouts: fc.Arbitrary<Layout> = fc
  .record({
    labels: fc.array(kinds, { minLength: 1, maxLength: 7 }),
    k: fc.nat(),
    n: fc.nat(),
    survives: fc.integer({ min: 0, max: 3 }),
  })
  .map(({ labels, k, n, survives }) => {
    const places = labels.map((label, i) => ({
      name: `p${i}`,
      domains: [
        `device:p${i}`,
        ...Object.entries(label).flatMap(([kind, name]) => (name === null ? [] : [`${kind}:${name}`])),
      ],
    }));
    const shards = 1 + (n % places.length);
    return { profile: { k: 1 + (k % shards), n: shards }, places, survives };
  });

function promised({ profile, places }: Layout): number {
  return promisedBy(
    profile,
    places.map(({ domains }) => domains),
  );
}

describe('a promise explained', () => {
  it('is refused exactly where it cannot be kept, and every mend offered makes it one that is kept', () => {
    let broken = 0;
    fc.assert(
      fc.property(layouts, (layout) => {
        const found = explainPromise(layout);
        expect(found === null).toBe(promised(layout) >= layout.survives);
        if (found === null) return;
        broken += 1;
        expect(found.mends.length).toBeGreaterThan(0);
        for (const mend of found.mends) expect(explainPromise(mended(layout, mend))).toBeNull();
      }),
      runs,
    );
    expect(broken).toBeGreaterThan(50);
  });

  it('names domains whose loss is one too many', () => {
    fc.assert(
      fc.property(layouts, (layout) => {
        const found = explainPromise(layout);
        if (found === null) return;
        expect(found.domains.length).toBeGreaterThan(0);
        expect(found.domains.length).toBeLessThanOrEqual(layout.survives);
        expect(found.held).toBeGreaterThan(layout.profile.n - layout.profile.k);
      }),
      runs,
    );
  });

  const at = (...places: string[]): Layout['places'] =>
    places.map((text) => {
      const [name = '', ...domains] = text.split(' ');
      return { name, domains: [`device:${name}`, ...domains] };
    });

  test.for<[string, Layout, string, string]>([
    [
      'one provider holds too many shards',
      {
        profile: { k: 3, n: 5 },
        places: at('a provider:aws', 'b provider:aws', 'c provider:aws', 'd', 'e'),
        survives: 1,
      },
      '3 of the 5 shards of a stripe would lie with provider:aws and only 2 may be lost (3/5): its loss would lose the tier',
      'move one of a, b, or c to another provider, add a backend elsewhere, use 2/5, or accept it with survives: 0',
    ],
    [
      'all copies with one provider',
      { profile: { k: 1, n: 2 }, places: at('a provider:b2', 'b provider:b2'), survives: 1 },
      'all 2 copies would lie with provider:b2 and only 1 may be lost: its loss would lose the tier',
      'move one of a or b to another provider, add a backend elsewhere, or accept it with survives: 0',
    ],
    [
      'two losses',
      { profile: { k: 3, n: 5 }, places: at('a owner:anna', 'b owner:anna', 'c', 'd', 'e'), survives: 2 },
      '3 of the 5 shards of a stripe would lie with owner:anna and device:c and only 2 may be lost (3/5): the loss of these would lose the tier',
      'move one of a or b to another owner, add a backend elsewhere, use 2/5, or accept that with survives: 1',
    ],
    [
      'nothing to spare',
      { profile: { k: 2, n: 2 }, places: at('a', 'b'), survives: 1 },
      '1 of the 2 shards of a stripe would lie with device:a and none may be lost (2/2): its loss would lose the tier',
      'use 1/2 or accept it with survives: 0',
    ],
    [
      'one place alone',
      { profile: { k: 1, n: 1 }, places: at('a'), survives: 1 },
      'the only copy would lie with device:a and none may be lost: its loss would lose the tier',
      'accept it with survives: 0',
    ],
  ])('%s', ([, layout, message, hint]) => {
    expect(explainPromise(layout)).toMatchObject({ message, hint });
  });
});
