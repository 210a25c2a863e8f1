/**
 * Failure domains: what is lost together. A holder lies in several at once – its device, the region it stands in, its
 * owner, its provider – and is lost with any of them.
 */

/** The names of all the failure domains that a holder lies in, e.g. `device:nas` and `owner:anna`; at least one. */
export type Domains = readonly string[];

/**
 * The largest f such that any f domains may be lost, of whatever kind, and fewer than `fatal` of these places with them.
 * Exact: the smallest number of domains that holds `fatal` places, less one. At least `fatal` places must be given.
 */
export function survivableLosses(places: readonly Domains[], fatal: number): number {
  const largestFirst = maximalDomains(places);
  let losses = 1;
  while (findLoss(largestFirst, new Set(), fatal, losses) === null) losses += 1;
  return losses - 1;
}

/** At most `losses` domains that together hold `fatal` of these places, the largest first; null where none do. */
export function fatalDomains(places: readonly Domains[], fatal: number, losses: number): readonly string[] | null {
  return findLoss(maximalDomains(places), new Set(), fatal, losses);
}

interface HeldPlaces {
  readonly domain: string;
  readonly places: ReadonlySet<number>;
}

/** The places of each domain, largest first, without those whose places another domain holds, too. */
function maximalDomains(places: readonly Domains[]): HeldPlaces[] {
  const held = new Map<string, Set<number>>();
  places.forEach((domains, place) => {
    for (const domain of domains) held.set(domain, (held.get(domain) ?? new Set()).add(place));
  });
  const maximal: HeldPlaces[] = [];
  const largestFirst = [...held].sort(([, a], [, b]) => b.size - a.size);
  for (const [domain, own] of largestFirst) {
    if (!maximal.some((larger) => own.isSubsetOf(larger.places))) maximal.push({ domain, places: own });
  }
  return maximal;
}

/** Up to `losses` of these domains that, together with the places lost already, hold `fatal` places. */
function findLoss(
  domains: readonly HeldPlaces[],
  lost: ReadonlySet<number>,
  fatal: number,
  losses: number,
): string[] | null {
  if (lost.size >= fatal) return [];
  // Domains come largest first: even without a place in common, the next ones cannot hold more than this.
  const most = domains.slice(0, losses).reduce((sum, { places }) => sum + places.size, lost.size);
  if (most < fatal) return null;
  for (const [i, { domain, places }] of domains.entries()) {
    const rest = findLoss(domains.slice(i + 1), lost.union(places), fatal, losses - 1);
    if (rest !== null) return [domain, ...rest];
  }
  return null;
}
