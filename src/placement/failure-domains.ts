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
  const largestFirst = maximalDomains(places).sort((a, b) => b.size - a.size);
  let losses = 1;
  while (!canLose(largestFirst, new Set(), fatal, losses)) losses += 1;
  return losses - 1;
}

/** The places of each domain, without those whose places another domain holds, too. */
function maximalDomains(places: readonly Domains[]): ReadonlySet<number>[] {
  const held = new Map<string, Set<number>>();
  places.forEach((domains, place) => {
    for (const domain of domains) held.set(domain, (held.get(domain) ?? new Set()).add(place));
  });
  const maximal: ReadonlySet<number>[] = [];
  for (const domain of [...held.values()].sort((a, b) => b.size - a.size)) {
    if (!maximal.some((larger) => domain.isSubsetOf(larger))) maximal.push(domain);
  }
  return maximal;
}

/** Whether `losses` of these domains, together with the places lost already, hold `fatal` places. */
function canLose(
  domains: readonly ReadonlySet<number>[],
  lost: ReadonlySet<number>,
  fatal: number,
  losses: number,
): boolean {
  if (lost.size >= fatal) return true;
  // Domains come largest first: even without a place in common, the next ones cannot hold more than this.
  const most = domains.slice(0, losses).reduce((sum, domain) => sum + domain.size, lost.size);
  if (most < fatal) return false;
  return domains.some((domain, i) => canLose(domains.slice(i + 1), lost.union(domain), fatal, losses - 1));
}
