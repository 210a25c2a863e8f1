import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/core/bytes.ts';
import type { SegmentBody } from '../../src/format/index/segment-body.ts';
import { DigestTable } from '../../src/vault/digest-table.ts';
import { IndexMap } from '../../src/vault/index-map.ts';
import { ALL_NAMES, liveStripesOf, segmentBody } from '../support/index-bodies.ts';
import { filler } from '../support/tree-fixture.ts';

const RUNS = process.env['SLOW'] === '1' ? 2_000 : 200;

/** By the letter of F-7.4.1: where the last segment places each chunk. */
function placesOf(bodies: readonly SegmentBody[]): Map<string, unknown> {
  const places = new Map<string, unknown>();
  for (const { stripes, inline } of bodies) {
    const packs = [
      ...stripes.map((stripe) => ({ pack: { stripe }, chunks: stripe.chunks })),
      ...inline.map(({ bytes, chunks }) => ({ pack: { inline: bytes }, chunks })),
    ];
    for (const { pack, chunks } of packs) {
      let offset = 0;
      for (const { name, length } of chunks) {
        places.set(toHex(name), { pack, offset, length });
        offset += length;
      }
    }
  }
  return places;
}

describe('an index of any segments', () => {
  it('says of each chunk what the last of them says, and of each stripe whether it is live', () => {
    fc.assert(
      fc.property(fc.array(segmentBody, { maxLength: 5 }), (bodies) => {
        const index = new IndexMap();
        const added = bodies.map((body) => index.add(body));
        expect(added).toEqual(bodies.map(({ stripes }) => stripes));
        expect(added.flat().every((stripe, i) => stripe === index.stripes[i])).toBe(true);
        const places = placesOf(bodies);
        const dropped = new Set(bodies.flatMap((body) => body.dropped.map(toHex)));
        for (const name of ALL_NAMES) {
          const id = toHex(name);
          expect(index.find(name)).toEqual(places.get(id) ?? null);
          expect(index.isLive(name)).toBe(places.has(id) && !dropped.has(id));
        }
        expect(index.liveStripes()).toEqual(liveStripesOf(bodies));
      }),
      { seed: 741, numRuns: RUNS },
    );
  });

  it('gives the stripes that it lists, and no others, as where a chunk lies', () => {
    fc.assert(
      fc.property(fc.array(segmentBody, { maxLength: 4 }), (bodies) => {
        const index = new IndexMap();
        for (const body of bodies) index.add(body);
        const packs = ALL_NAMES.flatMap((name) => index.find(name)?.pack ?? []);
        expect(packs.every((pack) => 'inline' in pack || index.stripes.includes(pack.stripe))).toBe(true);
      }),
      { seed: 742, numRuns: RUNS },
    );
  });
});

describe('a table of digests', () => {
  it('has a record for each that was added, and keeps what is written there', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3_000), { maxLength: 3_000 }), (numbers) => {
        const table = new DigestTable(33);
        const places = new Map<number, number>();
        for (const number of numbers) {
          const digest = filler(`digest ${number}`, 32);
          const place = table.add(digest);
          expect(place).toBe(places.get(number) ?? places.size);
          places.set(number, place);
          table.record(place)[32]! += 1;
        }
        expect(table.size).toBe(places.size);
        for (const [number, place] of places) {
          const digest = filler(`digest ${number}`, 32);
          expect(table.find(digest)).toBe(place);
          expect(toHex(table.digest(place))).toBe(toHex(digest));
          expect(table.record(place)[32]).toBe(numbers.filter((each) => each === number).length % 256);
        }
        expect(table.find(filler('another', 32))).toBeNull();
      }),
      { seed: 743, numRuns: 20 },
    );
  });
});
