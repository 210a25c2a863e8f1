/**
 * What a layout survives: the largest f such that any f failure domains may be lost and everything is still there
 * (DESIGN D10). Computed from where shards actually lie, never from what was wished.
 */

/** Where the shards of one stripe lie: the failure domain of each, one entry a shard. */
export interface StripePlacement {
  /** How many shards rebuild it. */
  readonly required: number;
  readonly domains: readonly string[];
}

/** −1: already lost; 0: there, but any one domain may be the last; f: any f domains may go. */
export function survivesDomains(placement: StripePlacement): number {
  const counts = new Map<string, number>();
  for (const domain of placement.domains) counts.set(domain, (counts.get(domain) ?? 0) + 1);
  const largestFirst = [...counts.values()].sort((a, b) => b - a);
  let left = placement.domains.length;
  if (left < placement.required) return -1;
  let lost = 0;
  for (const count of largestFirst) {
    left -= count;
    if (left < placement.required) break;
    lost += 1;
  }
  return lost;
}

/** What a tier promises when all its backends take part: `n` shards on these domains. */
export function promisedBy(profile: { readonly k: number; readonly n: number }, domains: readonly string[]): number {
  const spread = spreadOverDomains(domains, profile.n).map((index) => domains[index]!);
  return Math.min(survivesDomains({ required: profile.k, domains: spread }), survivesCopies(domains));
}

/** Of an object that lies whole on each of these domains, such as a manifest. */
export function survivesCopies(domains: readonly string[]): number {
  return new Set(domains).size - 1;
}

/** Picks `count` places so that no domain is used twice while another is unused: rounds over the domains, in the order given. */
export function spreadOverDomains(domains: readonly string[], count: number): number[] {
  const chosen: number[] = [];
  const taken = new Set<number>();
  while (chosen.length < Math.min(count, domains.length)) {
    const used = new Set<string>();
    domains.forEach((domain, index) => {
      if (chosen.length === count || taken.has(index) || used.has(domain)) return;
      used.add(domain);
      taken.add(index);
      chosen.push(index);
    });
  }
  return chosen;
}
