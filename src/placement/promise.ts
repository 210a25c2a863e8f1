import type { Domains } from './failure-domains.ts';
import { survivableLosses } from './failure-domains.ts';

/**
 * What a layout survives: the largest f such that any f failure domains may be lost and everything is still there
 * (DESIGN D10). Computed from where shards actually lie, never from what was wished.
 */

/** Where the shards of one stripe lie: the failure domains of each, one entry a shard. */
export interface StripePlacement {
  /** How many shards rebuild it. */
  readonly required: number;
  readonly places: readonly Domains[];
}

/** −1: already lost; 0: there, but any one domain may be the last; f: any f domains may go. */
export function survivesDomains({ required, places }: StripePlacement): number {
  if (places.length < required) return -1;
  return survivableLosses(places, places.length - required + 1);
}

/** What a tier promises when all its backends take part: `n` shards on these places, index and manifest on all of them. */
export function promisedBy(profile: { readonly k: number; readonly n: number }, places: readonly Domains[]): number {
  return Math.min(survivesWhenPlaced(profile, places), survivesCopies(places));
}

/** What a stripe survives that is placed at these places now; the least that any ranking of them gives. */
export function survivesWhenPlaced(
  { k, n }: { readonly k: number; readonly n: number },
  places: readonly Domains[],
): number {
  const survived = placings({ n }, places).map((placed) =>
    survivesDomains({ required: k, places: placed.map((index) => places[index]!) }),
  );
  return Math.min(...survived, places.length === 0 ? -1 : Number.POSITIVE_INFINITY);
}

/** Which of these places a stripe of `n` shards takes: one answer for each place that a ranking may begin with. */
export function placings({ n }: { readonly n: number }, places: readonly Domains[]): readonly number[][] {
  if (places.length <= n) return [[...places.keys()]];
  return places.map((_, first) => {
    const ranked = [...places.keys()].map((index) => (index + first) % places.length);
    return spreadOverDomains(
      ranked.map((index) => places[index]!),
      n,
    ).map((position) => ranked[position]!);
  });
}

/** Of an object that lies whole on each of these places, such as a manifest. */
export function survivesCopies(places: readonly Domains[]): number {
  return survivesDomains({ required: 1, places });
}

/**
 * Picks `count` places one after another, each time the first of those whose most used domain has been used least: so
 * that no domain is used twice while a place outside it is left. `taken`: places in use already, whose domains count.
 */
export function spreadOverDomains(places: readonly Domains[], count: number, taken: readonly Domains[] = []): number[] {
  const uses = new Map<string, number>();
  for (const domain of taken.flat()) uses.set(domain, (uses.get(domain) ?? 0) + 1);
  const left = new Set(places.keys());
  const chosen: number[] = [];
  while (chosen.length < Math.min(count, places.length)) {
    const next = leastUsed(left, places, uses);
    left.delete(next);
    chosen.push(next);
    for (const domain of places[next]!) uses.set(domain, (uses.get(domain) ?? 0) + 1);
  }
  return chosen;
}

function leastUsed(left: ReadonlySet<number>, places: readonly Domains[], uses: ReadonlyMap<string, number>): number {
  let [best, bestMost, bestSum] = [-1, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (const place of left) {
    const counts = places[place]!.map((domain) => uses.get(domain) ?? 0);
    const most = Math.max(...counts);
    const sum = counts.reduce((total, count) => total + count, 0);
    if (most > bestMost || (most === bestMost && sum >= bestSum)) continue;
    [best, bestMost, bestSum] = [place, most, sum];
  }
  return best;
}
