import { DatabaseCatalog } from '../catalog/database-catalog.ts';
import type { Config } from '../config/schema.ts';
import { isValenceError } from '../core/errors.ts';
import { uuidText } from '../core/ids.ts';
import type { HostKey } from '../format/keys/host-key.ts';
import type { TierHead } from '../format/snapshot/summary.ts';
import type { ConfiguredBackend } from '../pipeline/holders.ts';
import { openPlaces } from '../vault/places.ts';
import type { Blemish, Place } from '../vault/places.ts';
import { openKeyring } from '../vault/keyring.ts';
import { findSnapshots, withUnlisted } from '../vault/snapshots.ts';
import { verifyTier } from '../verify/verify-tier.ts';
import type { VerificationReport, VerifyOptions } from './backup-calls.ts';
import { tierNames } from './tier-names.ts';
import type { AppContext } from './context.ts';
import { readHostKey } from './keys.ts';
import { openConfigured } from './places.ts';
import type { OpenedBackends } from './places.ts';
import { noneThere } from './vault-reading.ts';

/**
 * One report a tier, from the backends of that tier alone: what it promises must hold with those. What should be there is
 * told by all backends, since each tier's snapshots name the newest ones of the others.
 */
export async function* verifyTiers(
  context: AppContext,
  options: VerifyOptions,
): AsyncGenerator<VerificationReport, void, undefined> {
  const { config } = await context.configFile();
  const hostKey = await readHostKey(context);
  const names = tierNames(config, options.tier);
  const heads = await rememberedHeads(context, hostKey);
  const { signal, progress } = context;
  const opened = await openConfigured(context, config, [...config.backends.keys()]);
  const vaultId = uuidText(hostKey.vaultId);
  if (opened.backends.length === 0) throw noneThere(opened.away);
  const all = await openPlaces(
    opened.backends.map(({ backend }) => backend),
    vaultId,
    signal,
  );
  const keyring = await openKeyring(all.places, vaultId, { kind: 'host', key: hostKey }, signal);
  const listed = await findSnapshots(all.places, keyring, null, signal);
  const found = await withUnlisted(listed, heads, { places: all.places, keyring, signal });
  for (const tier of names) {
    const { places, blemishes } = placesOfTier(config, tier, opened, all);
    const otherTiers = [...config.tiers.keys()].filter((other) => other !== tier);
    const report = await verifyTier({
      tier,
      places,
      blemishes,
      keyring,
      found,
      otherTiers,
      heads,
      data: options.data,
      progress,
      signal,
    });
    yield { type: 'verification', ...report };
  }
}

interface TierPlaces {
  readonly places: readonly Place[];
  readonly blemishes: readonly Blemish[];
}

function placesOfTier(
  config: Config,
  tier: string,
  opened: OpenedBackends<ConfiguredBackend>,
  all: TierPlaces,
): TierPlaces {
  const names = config.tiers.get(tier)!.backends;
  const backends = opened.backends.filter(({ name }) => names.includes(name)).map(({ backend }) => backend);
  const locations = new Set([
    ...names.map((name) => config.backends.get(name)!.location),
    ...backends.map(({ location }) => location),
  ]);
  return {
    places: all.places.filter(({ backend }) => backends.some((own) => own === backend)),
    blemishes: [...opened.away, ...all.blemishes].filter(({ location }) => locations.has(location)),
  };
}

/** Without the database this host remembers nothing, and verification goes on without: it needs host.key alone. */
async function rememberedHeads(context: AppContext, hostKey: HostKey): Promise<readonly TierHead[]> {
  try {
    const database = await context.database();
    return await new DatabaseCatalog(database, uuidText(hostKey.vaultId), context.clock).heads();
  } catch (error) {
    if (isValenceError(error) && (error.code.startsWith('database/') || error.code === 'backend/full')) return [];
    throw error;
  }
}
