import { DatabaseCatalog } from '../catalog/database-catalog.ts';
import { isValenceError } from '../core/errors.ts';
import { uuidText } from '../core/ids.ts';
import type { HostKey } from '../format/keys/host-key.ts';
import type { TierHead } from '../format/snapshot/summary.ts';
import { openPlaces } from '../vault/places.ts';
import { openKeyring } from '../vault/keyring.ts';
import { findSnapshots } from '../vault/snapshots.ts';
import { verifyTier } from '../verify/verify-tier.ts';
import type { VerificationReport, VerifyOptions } from './backup-calls.ts';
import { tierNames } from './tier-names.ts';
import type { AppContext } from './context.ts';
import { readHostKey } from './keys.ts';
import { openConfigured } from './places.ts';
import { noneThere } from './vault-reading.ts';

/** One report a tier, from the backends of that tier alone: what it promises must hold with those. */
export async function* verifyTiers(context: AppContext, options: VerifyOptions): AsyncGenerator<VerificationReport, void, undefined> {
  const { config } = await context.configFile();
  const hostKey = await readHostKey(context);
  const { signal, progress } = context;
  const heads = await rememberedHeads(context, hostKey);
  for (const tier of tierNames(config, options.tier)) {
    const opened = await openConfigured(context, config, config.tiers.get(tier)!.backends);
    if (opened.backends.length === 0) throw noneThere(opened.away);
    const vaultId = uuidText(hostKey.vaultId);
    const { places, blemishes } = await openPlaces(opened.backends.map(({ backend }) => backend), vaultId, signal);
    const keyring = await openKeyring(places, vaultId, { kind: 'host', key: hostKey }, signal);
    const found = await findSnapshots(places, keyring, tier, signal);
    const report = await verifyTier({
      tier,
      places,
      blemishes: [...opened.away, ...blemishes],
      keyring,
      found,
      heads: heads.filter((head) => head.tier === tier),
      data: options.data,
      progress,
      signal,
    });
    yield { type: 'verification', ...report };
  }
}

/** Without the database this host remembers nothing, and verification goes on without: it needs host.key alone. */
async function rememberedHeads(context: AppContext, hostKey: HostKey): Promise<readonly TierHead[]> {
  try {
    const database = await context.database();
    return await new DatabaseCatalog(database, uuidText(hostKey.vaultId), context.clock).heads();
  } catch (error) {
    if (isValenceError(error) && error.code.startsWith('database/')) return [];
    throw error;
  }
}
