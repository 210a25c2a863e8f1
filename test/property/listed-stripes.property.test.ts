import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SegmentBody } from '../../src/format/index/segment-body.ts';
import { IndexMap } from '../../src/vault/index-map.ts';
import { ListedStripes } from '../../src/vault/listed-stripes.ts';
import { liveStripesOf, segmentBody } from '../support/index-bodies.ts';
import { filler } from '../support/tree-fixture.ts';

const RUNS = process.env['SLOW'] === '1' ? 3_000 : 300;

const digestOf = (segment: number): Uint8Array => filler(`segment ${segment}`, 32);

interface Vault {
  readonly bodies: readonly SegmentBody[];
  /** Of each snapshot its segments, by number. */
  readonly snapshots: readonly (readonly number[])[];
}

/** Segments that any snapshots name in any order, and ask about in any order. */
const vault: fc.Arbitrary<Vault> = fc.array(segmentBody, { minLength: 1, maxLength: 6 }).chain((bodies) =>
  fc.record({
    bodies: fc.constant(bodies),
    snapshots: fc.array(fc.shuffledSubarray([...bodies.keys()]), { minLength: 1, maxLength: 8 }),
  }),
);

describe('the stripes of any snapshots', () => {
  it('are live as the index of each snapshot alone says', () => {
    fc.assert(
      fc.property(vault, ({ bodies, snapshots }) => {
        const listed = new ListedStripes();
        for (const [i, body] of bodies.entries()) listed.add(digestOf(i), body);
        expect(listed.all().map(({ stripe }) => stripe)).toEqual(bodies.flatMap(({ stripes }) => stripes));
        for (const segments of snapshots) {
          const own = segments.map((i) => bodies[i]!);
          const live = listed.live(segments.map(digestOf)).map(({ stripe }) => stripe);
          expect(live).toEqual(liveStripesOf(own));
          const index = new IndexMap();
          for (const body of own) index.add(body);
          expect(live).toEqual(index.liveStripes());
        }
      }),
      { seed: 752, numRuns: RUNS },
    );
  });
});
