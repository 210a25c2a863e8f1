import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { toHex } from '../../src/core/bytes.ts';
import { chooseHolders } from '../../src/placement/choose-holders.ts';
import type { Candidate } from '../../src/placement/choose-holders.ts';
import type { Domains } from '../../src/placement/failure-domains.ts';
import type { StripePlacement } from '../../src/placement/promise.ts';
import { promisedBy, spreadOverDomains, survivesCopies, survivesDomains } from '../../src/placement/promise.ts';
import { filler } from '../support/tree-fixture.ts';

const seed = 810;
const slow = process.env['SLOW'] === '1';
const runs = { seed, numRuns: slow ? 5_000 : 300 };
const NAMES = ['house', 'office', 'cloud', 'friend', 'car', 'moon'];
const PROVIDERS = ['anna', 'bella', 'clara'];

/** Places in one failure domain each, or in several that cross one another. */
const place = fc.oneof(
  fc.constantFrom(...NAMES).map((name): Domains => [name]),
  fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom(...PROVIDERS)),
);
const layouts = fc.record({
  required: fc.integer({ min: 1, max: 8 }),
  places: fc.array(place, { maxLength: 8 }),
});

/** Each place in one domain. */
function alone(domains: readonly string[]): Domains[] {
  return domains.map((domain) => [domain]);
}

/** All sets of domains, by the bits of a number. */
function subsets(places: readonly Domains[]): Set<string>[] {
  const distinct = [...new Set(places.flat())];
  return Array.from(
    { length: 2 ** distinct.length },
    (_, bits) => new Set(distinct.filter((_name, i) => (bits >> i) & 1)),
  );
}

/** The greatest f such that every loss of f domains leaves enough; by trying them all. */
function survivesByTrying({ required, places }: StripePlacement): number {
  const isLost = (lost: ReadonlySet<string>): boolean =>
    places.filter((domains) => !domains.some((domain) => lost.has(domain))).length < required;
  const fatal = subsets(places)
    .filter(isLost)
    .map((lost) => lost.size);
  return Math.min(...fatal) - 1;
}

describe('what a layout survives', () => {
  it('is what trying every loss says', () => {
    fc.assert(
      fc.property(layouts, (layout) => {
        expect(survivesDomains(layout)).toBe(survivesByTrying(layout));
      }),
      runs,
    );
  });

  test('by hand', () => {
    const of = (required: number, ...domains: string[]): number =>
      survivesDomains({ required, places: alone(domains) });
    expect(of(3, 'a', 'b', 'c', 'd', 'e')).toBe(2);
    expect(of(3, 'a', 'a', 'a', 'b', 'c')).toBe(0);
    expect(of(3, 'a', 'b', 'c')).toBe(0);
    expect(of(3, 'a', 'b')).toBe(-1);
    expect(of(1, 'a', 'b', 'c')).toBe(2);
    expect(of(1)).toBe(-1);
    expect([survivesCopies(alone(['a', 'b', 'b'])), survivesCopies([])]).toEqual([1, -1]);
  });

  test('by hand, of places that lie in several domains', () => {
    const at = (...places: string[]): number =>
      survivesDomains({ required: 3, places: places.map((domains) => domains.split(' ')) });
    // Five devices, three of them with one provider: the loss of the provider is one loss too many.
    expect(at('a aws', 'b aws', 'c aws', 'd own', 'e own')).toBe(0);
    expect(at('a aws', 'b aws', 'c gcp', 'd gcp', 'e own')).toBe(1);
    // Owners and regions that cross each other: anna's two, then the north's other one.
    expect(at('a anna north', 'b anna south', 'c bert north', 'd bert south', 'e carl west')).toBe(1);
    expect(at('a anna', 'b bert', 'c carl', 'd dora', 'e emil')).toBe(2);
  });

  it('is at most what the tier promises, and the promise can be kept', () => {
    const tiers = fc.record({
      k: fc.integer({ min: 1, max: 5 }),
      more: fc.nat(3),
      places: fc.array(place, { minLength: 1, maxLength: 8 }),
      stripe: fc.nat(1_000_000).map((number) => filler(`stripe ${number}`, 32)),
    });
    fc.assert(
      fc.property(tiers, ({ k, more, places, stripe }) => {
        const profile = { k, n: k + more };
        const candidates = places.map((domains, i) => ({ holder: filler(`holder ${i}`, 16), domains }));
        const placed = chooseHolders(stripe, candidates).slice(0, profile.n);
        const actual = survivesDomains({ required: k, places: placed.map((index) => places[index]!) });
        const promised = promisedBy(profile, places);
        expect(promised).toBeLessThanOrEqual(actual);
        // Where domains do not cross, every choice of holders gives the same.
        if (places.every(({ length }) => length === 1)) expect(promised).toBe(Math.min(actual, survivesCopies(places)));
      }),
      runs,
    );
  });

  test('of a tier, by hand', () => {
    expect(promisedBy({ k: 3, n: 5 }, alone(['a', 'b', 'c', 'd', 'e']))).toBe(2);
    expect(promisedBy({ k: 3, n: 5 }, alone(['a', 'a', 'b', 'b', 'c']))).toBe(1);
    expect(promisedBy({ k: 3, n: 5 }, alone(['a', 'a', 'a', 'a', 'a']))).toBe(0);
    expect(promisedBy({ k: 1, n: 3 }, alone(['a', 'b', 'c']))).toBe(2);
    expect(promisedBy({ k: 3, n: 5 }, alone(['a', 'b', 'c', 'd']))).toBe(1);
    expect(promisedBy({ k: 3, n: 5 }, alone(['a', 'b']))).toBe(-1);
    expect(promisedBy({ k: 3, n: 5 }, alone(['a', 'a', 'b', 'c', 'd', 'e']))).toBe(2);
  });
});

describe('places spread over domains', () => {
  it('are distinct, and as even as can be', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...NAMES), { maxLength: 12 }), fc.nat(14), (domains, count) => {
        const chosen = spreadOverDomains(alone(domains), count);
        expect(new Set(chosen).size).toBe(chosen.length);
        expect(chosen.length).toBe(Math.min(count, domains.length));
        const used = (name: string): number => chosen.filter((index) => domains[index] === name).length;
        const there = (name: string): number => domains.filter((domain) => domain === name).length;
        for (const a of new Set(domains)) {
          // Nobody is used twice more than another who could have taken more.
          for (const b of new Set(domains)) if (used(b) < there(b)) expect(used(a) - used(b)).toBeLessThanOrEqual(1);
        }
      }),
      runs,
    );
  });
});

describe('the choice of holders', () => {
  const stripes = fc.nat(1_000_000).map((number) => filler(`stripe ${number}`, 32));
  const candidates = fc
    .array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 10 })
    .map((names) => names.map((name, i): Candidate => ({ holder: filler(`holder ${i}`, 16), domains: [name] })));
  const chosen = (stripe: Uint8Array, among: readonly Candidate[]): string[] =>
    chooseHolders(stripe, among).map((index) => toHex(among[index]!.holder));

  it('names everyone once, and does not depend on the order they are given in', () => {
    fc.assert(
      fc.property(stripes, candidates, fc.nat(), (stripe, among, turn) => {
        const order = chosen(stripe, among);
        expect(order.toSorted()).toEqual(among.map((candidate) => toHex(candidate.holder)).toSorted());
        const turned = [...among.slice(turn % among.length), ...among.slice(0, turn % among.length)];
        expect(chosen(stripe, turned)).toEqual(order);
        expect(chosen(stripe, among.toReversed())).toEqual(order);
      }),
      runs,
    );
  });

  it('uses no domain twice while another is unused', () => {
    fc.assert(
      fc.property(stripes, candidates, (stripe, among) => {
        const domains = chooseHolders(stripe, among).flatMap((index) => among[index]!.domains);
        const distinct = new Set(domains).size;
        expect(new Set(domains.slice(0, distinct)).size).toBe(distinct);
      }),
      runs,
    );
  });

  it('moves only the places of a holder that leaves, where all domains are distinct', () => {
    const apart = fc.integer({ min: 2, max: 10 }).map((count) =>
      Array.from({ length: count }, (_, i): Candidate => ({
        holder: filler(`holder ${i}`, 16),
        domains: [`domain ${i}`],
      })),
    );
    fc.assert(
      fc.property(stripes, apart, fc.nat(), fc.integer({ min: 1, max: 9 }), (stripe, among, who, n) => {
        const gone = among[who % among.length]!;
        const before = chosen(stripe, among);
        const after = chosen(
          stripe,
          among.filter((candidate) => candidate !== gone),
        );
        expect(after).toEqual(before.filter((holder) => holder !== toHex(gone.holder)));
        const kept = before.slice(0, n).filter((holder) => holder !== toHex(gone.holder));
        expect(after.slice(0, n)).toEqual(expect.arrayContaining(kept));
      }),
      runs,
    );
  });

  it('for shards that were lost leaves no domain with two more than one that could have taken more', () => {
    const lossy = fc.record({
      stripe: stripes,
      among: fc.array(fc.constantFrom(...NAMES), { minLength: 2, maxLength: 10 }),
      remaining: fc.array(fc.constantFrom(...NAMES), { maxLength: 4 }),
      missing: fc.integer({ min: 1, max: 5 }),
    });
    fc.assert(
      fc.property(lossy, ({ stripe, among, remaining, missing }) => {
        const free = among.map((name, i): Candidate => ({ holder: filler(`holder ${i}`, 16), domains: [name] }));
        const order = chooseHolders(stripe, free, alone(remaining));
        expect(order.toSorted((a, b) => a - b)).toEqual([...free.keys()]);
        const taken = order.slice(0, missing).map((index) => among[index]!);
        const left = order.slice(missing).map((index) => among[index]!);
        const uses = (name: string): number => [...remaining, ...taken].filter((each) => each === name).length;
        for (const a of taken) for (const b of left) expect(uses(a) - uses(b)).toBeLessThanOrEqual(1);
      }),
      runs,
    );
  });

  it('for shards that were lost never makes a stripe survive less, and does not depend on the order they are given in', () => {
    const lossy = fc.record({
      stripe: stripes,
      among: fc.array(place, { minLength: 1, maxLength: 6 }),
      remaining: fc.array(place, { minLength: 2, maxLength: 4 }),
    });
    fc.assert(
      fc.property(lossy, ({ stripe, among, remaining }) => {
        const free = among.map((domains, i): Candidate => ({ holder: filler(`holder ${i}`, 16), domains }));
        const survivesWith = (index: number): number =>
          survivesDomains({ required: 2, places: [...remaining, among[index]!] });
        const [first] = chooseHolders(stripe, free, remaining);
        const without = survivesDomains({ required: 2, places: remaining });
        expect(survivesWith(first!)).toBeGreaterThanOrEqual(without);
        expect(chooseHolders(stripe, free.toReversed(), remaining).map((i) => free.toReversed()[i])).toEqual(
          chooseHolders(stripe, free, remaining).map((i) => free[i]),
        );
      }),
      runs,
    );
  });

  it('burdens holders alike', () => {
    const among = Array.from({ length: 6 }, (_, i): Candidate => ({
      holder: filler(`holder ${i}`, 16),
      domains: [`domain ${i}`],
    }));
    const counts = new Map<number, number>();
    for (let i = 0; i < 1_200; i += 1) {
      for (const index of chooseHolders(filler(`stripe ${i}`, 32), among).slice(0, 3))
        counts.set(index, (counts.get(index) ?? 0) + 1);
    }
    // 600 each are expected, with a standard deviation of 17.
    for (const count of counts.values()) expect(Math.abs(count - 600)).toBeLessThan(90);
  });
});
