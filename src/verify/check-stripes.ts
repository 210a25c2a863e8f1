import { READS_AT_ONCE } from '../core/limits.ts';
import type { ProgressSink } from '../core/progress.ts';
import type { IndexedStripe } from '../format/index/segment-body.ts';
import { aheadInOrder } from '../vault/ahead.ts';
import type { Keyring } from '../vault/keyring.ts';
import { holderName } from '../vault/lost-stripes.ts';
import type { HolderNames } from '../vault/lost-stripes.ts';
import type { Place } from '../vault/places.ts';
import { Presence } from '../vault/presence.ts';
import type { RepairedStripes } from '../vault/repaired-stripes.ts';
import type { ObjectProblem } from '../vault/read-object.ts';
import { holderNames } from '../vault/snapshots.ts';
import type { SnapshotsFound } from '../vault/snapshots.ts';
import type { Finding } from './finding.ts';
import type { NeededStripe } from '../vault/listed-stripes.ts';
import { checkListed, checkRead } from './stripes.ts';
import type { StripeCheck } from './stripes.ts';

export interface StripesChecking {
  readonly places: readonly Place[];
  readonly keyring: Keyring;
  readonly found: SnapshotsFound;
  readonly repaired: RepairedStripes;
  readonly data: boolean;
  readonly progress: ProgressSink;
  readonly signal?: AbortSignal | undefined;
}

export interface StripeChecks {
  readonly stripes: number;
  readonly shards: number;
  readonly bytesRead: number;
  readonly findings: readonly Finding[];
  /** Ids of stripes with fewer than k good shards. */
  readonly lost: ReadonlySet<string>;
}

/** Each stripe once, by what the places list or with `data` by every byte. */
export async function checkStripes(
  stripes: readonly NeededStripe[],
  { places, keyring, found, repaired, data, progress, signal }: StripesChecking,
): Promise<StripeChecks> {
  const presence = await Presence.load(places, signal);
  const findings: Finding[] = presence.problems.map(unlisted);
  const lost = new Set<string>();
  const absent = new Map<string, number>();
  const names = holderNames(found.snapshots);
  let [shards, bytesRead, done] = [0, 0, 0];
  const checkOne = async (stripe: IndexedStripe, generation: string): Promise<StripeCheck> => {
    if (!data) return checkListed(stripe, presence);
    const { maskKey } = keyring.secrets(generation)!;
    return checkRead(stripe, { places, presence, maskKey, signal });
  };
  const check = async ({ stripe, generation }: NeededStripe): Promise<StripeCheck> => {
    const own = await checkOne(stripe, generation);
    if (own.findings.length === 0 && own.absent.length === 0) return own;
    const isThere = (other: IndexedStripe): boolean => checkListed(other, presence).good >= other.geometry.k;
    const others = repaired.covering(stripe, isThere);
    if (others === null) return own;
    const checks: StripeCheck[] = [];
    for (const other of others) checks.push(await checkOne(other, generation));
    return instead(own, others, checks);
  };
  for await (const result of aheadInOrder(stripes, READS_AT_ONCE / 4, check)) {
    const { id, stripe } = stripes[done]!;
    done += 1;
    findings.push(...result.findings);
    for (const holder of result.absent) countAbsent(absent, names, holder);
    shards += stripe.shards.length;
    bytesRead += result.bytesRead;
    if (result.good < stripe.geometry.k) lost.add(id);
    progress({ stage: data ? 'reading stripes' : 'checking stripes', done, total: stripes.length });
  }
  return {
    stripes: stripes.length,
    shards,
    bytesRead,
    findings: [...findings, ...[...absent].map(holderAbsent)],
    lost,
  };
}

/** What is said of a stripe whose chunks have another place: of that one, if everything can be had there. */
function instead(own: StripeCheck, others: readonly IndexedStripe[], checks: readonly StripeCheck[]): StripeCheck {
  const bytesRead = checks.reduce((sum, check) => sum + check.bytesRead, own.bytesRead);
  const isWhole = checks.every(
    ({ good, findings }, i) =>
      good >= others[i]!.geometry.k && !findings.some(({ kind }) => kind === 'stripe-inconsistent'),
  );
  if (!isWhole) return { ...own, bytesRead };
  return {
    good: Number.POSITIVE_INFINITY,
    findings: checks.flatMap(({ findings }) => findings),
    absent: checks.flatMap(({ absent }) => absent),
    bytesRead,
  };
}

function countAbsent(absent: Map<string, number>, names: HolderNames, holder: Uint8Array): void {
  const name = holderName(names, holder);
  absent.set(name, (absent.get(name) ?? 0) + 1);
}

/** One line a holder, not one a shard. */
function holderAbsent([name, count]: readonly [string, number]): Finding {
  const detail = `${count === 1 ? 'a shard was' : `${count} shards were`} stored there, and it is none of the places that can be read`;
  return { kind: 'shard-missing', severity: 'error', location: name, object: null, detail };
}

function unlisted({ location, object }: ObjectProblem): Finding {
  return {
    kind: 'backend-unavailable',
    severity: 'error',
    location,
    object: null,
    detail: `${object} could not be listed`,
  };
}
