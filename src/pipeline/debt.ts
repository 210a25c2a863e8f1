import { toHex } from '../core/bytes.ts';
import { isValenceError } from '../core/errors.ts';
import { uuidText } from '../core/ids.ts';
import type { CatalogSegment, CatalogStripe } from '../core/ports.ts';
import { stripeId } from '../format/sealing/stripe.ts';
import { readSegment } from '../vault/index-map.ts';
import type { NeededStripe } from '../vault/listed-stripes.ts';
import type { Place } from '../vault/places.ts';
import { byIndex } from '../vault/presence.ts';
import type { BackupOptions, TierRun } from './backup.ts';
import { RepairRun } from './repair-run.ts';

/**
 * After a commit: gives stripes that were placed while a backend was away the shards that they lack, now that a holder is there
 * that has none of theirs. Costs nothing where no stripe lacks any. One sentence for each holder that got some.
 * @throws only when cancelled or on a fault of ours: the snapshot is committed without, and a later run pays
 */
export async function payDebt(
  run: TierRun,
  segments: readonly CatalogSegment[],
  options: BackupOptions,
): Promise<string[]> {
  const owing = segments.filter(({ stripes }) => stripes.some((stripe) => canBePaid(stripe, run)));
  if (owing.length === 0) return [];
  try {
    return await pay(run, owing, options);
  } catch (error) {
    if (!isValenceError(error) || !/^(backend|integrity|format)\//.test(error.code)) throw error;
    return [`shards that are owed could not be placed: ${error.message}`];
  }
}

async function pay(run: TierRun, owing: readonly CatalogSegment[], options: BackupOptions): Promise<string[]> {
  const { tier, holders, keyring, uploads, state } = run;
  const { hostKey, random, progress, signal } = options;
  const places: Place[] = holders.map(({ backend, holder }) => ({ backend, holder }));
  const generation = uuidText(hostKey.generation);
  const needed: NeededStripe[] = [];
  for (const { digest } of owing) {
    const { body } = await readSegment(places, keyring, digest, signal);
    for (const listed of body.stripes) {
      const stripe = state.repairs.stripes.joined(listed);
      const { k, n } = stripe.geometry;
      if (k !== tier.profile.k || n !== tier.profile.n || byIndex(stripe.shards).size >= n) continue;
      needed.push({ id: toHex(stripeId(stripe.geometry)), stripe, generation });
    }
  }
  const { name, profile } = tier;
  const repair = new RepairRun(
    {
      tier: name,
      profile,
      holders: uploads.willing,
      lockedUntil: uploads.lockedUntil ?? undefined,
      places,
      keyring,
      random,
      progress,
      signal,
    },
    { repairs: state.repairs, presence: state.presence, names: new Map() },
    { data: false, dryRun: false, onlyUnplaced: true },
  );
  await repair.stripes(needed);
  const paid = [...repair.placedAt].map(
    ([holder, count]) => `paid: ${count === 1 ? '1 shard' : `${count} shards`} to ${holder}`,
  );
  if (repair.archived === 0) return paid;
  return [...paid, `shards that are owed to ${repair.archived} stripes can be had only from an archive: asked for`];
}

/** Whether a stripe lacks shards and some holder has none of it. */
function canBePaid({ required, shards }: CatalogStripe, { tier, uploads }: TierRun): boolean {
  const { k, n } = tier.profile;
  if (required !== k || shards.length >= n) return false;
  const at = new Set(shards.map(({ holder }) => uuidText(holder)));
  return uploads.willing.some(({ holder }) => !at.has(holder));
}
