/** What an inspection has to say. Inspecting never throws for damage: it reports (FORMAT.md §9). */

export type FindingKind =
  | 'backend-unavailable'
  | 'object-missing'
  | 'object-corrupt'
  | 'shard-missing'
  | 'shard-corrupt'
  | 'shard-archived'
  | 'shard-misplaced'
  | 'shard-not-placed'
  | 'stripe-lost'
  | 'stripe-inconsistent'
  | 'pack-inconsistent'
  | 'index-lost'
  | 'snapshot-lost'
  | 'snapshot-missing'
  | 'snapshot-none'
  | 'holder-repeated'
  | 'fork'
  | 'unexpected-object';

export interface Finding {
  readonly kind: FindingKind;
  readonly severity: 'error' | 'warning' | 'info';
  /** Printable location, or the tier when no single place is meant. */
  readonly location: string;
  readonly object: string | null;
  /** One sentence. */
  readonly detail: string;
}

export type VerificationStatus = 'ok' | 'damaged' | 'lost' | 'chain-broken';

const LOSS: ReadonlySet<FindingKind> = new Set<FindingKind>([
  'stripe-lost',
  'index-lost',
  'stripe-inconsistent',
  'pack-inconsistent',
  'snapshot-lost',
]);
const CHAIN: ReadonlySet<FindingKind> = new Set<FindingKind>(['snapshot-missing']);

/** The worst of the findings: lost before a broken chain before damage. Information alone is no damage. */
export function statusOf(findings: readonly Finding[]): VerificationStatus {
  const serious = findings.filter((finding) => finding.severity !== 'info');
  if (serious.some((finding) => LOSS.has(finding.kind))) return 'lost';
  if (serious.some((finding) => CHAIN.has(finding.kind))) return 'chain-broken';
  return serious.length > 0 ? 'damaged' : 'ok';
}
