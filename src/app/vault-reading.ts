import { isSecretMissing } from '../config/secret-reference.ts';
import { ValenceError } from '../core/errors.ts';
import { readWholeFile } from '../core/files.ts';
import { uuidText } from '../core/ids.ts';
import { openKeyring } from '../vault/keyring.ts';
import type { Keyring, ReaderKey } from '../vault/keyring.ts';
import { openPlaces } from '../vault/places.ts';
import type { Blemish, Place } from '../vault/places.ts';
import type { Snapshot, SnapshotsFound } from '../vault/snapshots.ts';
import { toHex } from '../core/bytes.ts';
import type { AppContext } from './context.ts';
import { findHostKey, openOwner } from './keys.ts';
import { openConfigured, openLocations } from './places.ts';
import type { LocatedBackend } from './places.ts';
import { noSuchTier } from './tier-names.ts';

/** A vault opened for reading: where it is, what is wrong there, and whose signatures count. */
export interface OpenedVault {
  readonly places: readonly Place[];
  readonly blemishes: readonly Blemish[];
  readonly keyring: Keyring;
  /** Each place as it was named, away ones left out. */
  readonly located: readonly LocatedBackend[];
}

/** From the locations named, or from every configured backend when none is. @throws `config/*`, `backend/*`, `key/*` */
export async function openVaultFrom(
  context: AppContext,
  from: readonly string[],
  key: ReaderKey,
): Promise<OpenedVault> {
  const opened = from.length > 0 ? await openLocations(context, from) : await openAllConfigured(context);
  if (opened.backends.length === 0) throw noneThere(opened.away);
  const expected = key.kind === 'host' ? uuidText(key.key.vaultId) : null;
  const backends = opened.backends.map(({ backend }) => backend);
  const { places, blemishes, vaultId } = await openPlaces(backends, expected, context.signal);
  const keyring = await openKeyring(places, vaultId, key, context.signal);
  return { places, blemishes: [...opened.away, ...blemishes], keyring, located: opened.backends };
}

/** One sentence for each place that cannot be used fully. */
export function placeWarnings({ blemishes }: Pick<OpenedVault, 'blemishes'>): string[] {
  return blemishes.map(({ location, error: { message } }) =>
    message.includes(location) ? message : `${location}: ${message}`,
  );
}

/** The master key that is named, else this host's key, else the master key in its home. @throws `config/no-keys`, `key/passphrase` */
export async function readerKey(context: AppContext, keyFile: string | undefined): Promise<ReaderKey> {
  const host = keyFile === undefined ? await findHostKey(context) : null;
  if (host !== null) return { kind: 'host', key: host };
  if (keyFile !== undefined || (await readWholeFile(context.home.masterKeyFile)) !== null) {
    return { kind: 'owner', identity: await openOwner(context, keyFile) };
  }
  throw new ValenceError('config/no-keys', `there is neither host.key nor master.key in ${context.home.root}`, {
    hint: 'name the master key with --key-file, or run `valence keys init` for a new vault',
  });
}

/**
 * The snapshot of this id or beginning of an id; `latest` is the greatest sequence of the tier.
 * @throws `backend/not-found`, `usage/invalid` when several fit, and for one that is damaged what is wrong with it
 */
export function pickSnapshot(found: SnapshotsFound, which: string, tier: string | null): Snapshot {
  const candidates = found.snapshots.filter(({ manifest }) => tier === null || manifest.header.tier === tier);
  if (which === 'latest') return latest(candidates, tier);
  const matching = candidates.filter(({ manifest }) => toHex(manifest.digest).startsWith(which.toLowerCase()));
  const [only] = matching;
  if (only !== undefined && matching.length === 1) return only;
  const damaged = found.broken.find(({ name }) => toHex(name.digest).startsWith(which.toLowerCase()));
  if (only === undefined && damaged !== undefined) throw damaged.error;
  if (only === undefined) throw noSuchSnapshot(found, which, tier);
  throw new ValenceError('usage/invalid', `several snapshots begin with ${which}`, { hint: 'give more of the id' });
}

function noSuchSnapshot({ snapshots }: SnapshotsFound, which: string, tier: string | null): ValenceError {
  const elsewhere = snapshots.find(({ manifest }) => toHex(manifest.digest).startsWith(which.toLowerCase()));
  if (tier !== null && elsewhere !== undefined) {
    const { tier: other } = elsewhere.manifest.header;
    return new ValenceError('usage/invalid', `snapshot ${which} is in tier ${other}, not in tier ${tier}`, {
      hint: `name tier ${other}, or no tier`,
    });
  }
  const where = tier === null ? '' : ` in tier ${tier}`;
  return new ValenceError('usage/invalid', `there is no snapshot${where} whose id begins with ${which}`, {
    hint: 'see `valence backup list`',
  });
}

/** A tier that is configured here or that some snapshot is of; undefined passes. @throws `usage/invalid`, `config/invalid` */
export async function requireTier(
  context: AppContext,
  { snapshots, broken }: SnapshotsFound,
  tier: string | undefined,
): Promise<void> {
  if (tier === undefined) return;
  const config = await context.config();
  const found = [...snapshots.map(({ manifest }) => manifest.header.tier), ...broken.map(({ name }) => name.tier)];
  const known = [...new Set([...found, ...(config?.tiers.keys() ?? [])])].sort();
  if (known.includes(tier)) return;
  throw noSuchTier(tier, known);
}

function latest(candidates: readonly Snapshot[], tier: string | null): Snapshot {
  const newest = candidates.at(-1);
  if (newest === undefined) {
    throw new ValenceError(
      'backend/not-found',
      tier === null ? 'the vault holds no snapshot' : `tier ${tier} holds no snapshot`,
    );
  }
  const tiers = [...new Set(candidates.map(({ manifest }) => manifest.header.tier))];
  if (tiers.length > 1) return newestOfAll(candidates);
  return newest;
}

/** Tiers count for themselves, but each snapshot names the heads of the others that its writer knew. */
function newestOfAll(candidates: readonly Snapshot[]): Snapshot {
  return candidates.reduce((a, b) => (isNewer(b, a) ? b : a));
}

/** Who knew the other is newer; where neither did, the clock must do, as no other order exists. */
function isNewer(a: Snapshot, b: Snapshot): boolean {
  if (a.manifest.header.tier === b.manifest.header.tier)
    return a.manifest.header.sequence >= b.manifest.header.sequence;
  if (knew(a, b)) return true;
  return !knew(b, a) && a.manifest.header.createdAt >= b.manifest.header.createdAt;
}

function knew(later: Snapshot, earlier: Snapshot): boolean {
  const { tier, sequence } = earlier.manifest.header;
  return later.summary.heads.some((head) => head.tier === tier && head.sequence >= sequence);
}

async function openAllConfigured(context: AppContext): ReturnType<typeof openLocations> {
  const { config } = await context.configFile();
  const { backends, away } = await openConfigured(context, config, [...config.backends.keys()]);
  return {
    backends: backends.map(({ backend, name }) => ({ backend, written: config.backends.get(name)!.written })),
    away,
  };
}

export function noneThere(away: readonly Blemish[]): ValenceError {
  const [first] = away;
  if (first !== undefined && away.every(({ error }) => isSecretMissing(error))) return first.error;
  if (away.length === 0)
    return new ValenceError('config/invalid', 'no backend is configured', {
      hint: 'add one with `valence backup config --add-backend`',
    });
  const areDenied = away.every(({ error }) => error.code === 'backend/denied');
  return new ValenceError(
    areDenied ? 'backend/denied' : 'backend/unavailable',
    'none of the locations can be reached',
    {
      hint: (away.length === 1 ? first?.error.hint : null) ?? 'check the locations, and that their disks are mounted',
      context: { locations: away.map(({ location, error }) => ({ location, reason: error.message })) },
    },
  );
}
