import type { Config } from '../config/schema.ts';
import type { BackupTier } from '../pipeline/backup.ts';
import type { AppContext } from './context.ts';
import { openConfigured } from './places.ts';
import type { HowToOpen } from './places.ts';
import { profileOf } from './profile.ts';

/** The tier with its backends opened, those that are away told apart. `meterOf`: who counts the calls of a backend. */
export async function openTier(
  context: AppContext,
  config: Config,
  name: string,
  meterOf?: HowToOpen['meterOf'],
): Promise<BackupTier> {
  const tier = config.tiers.get(name)!;
  const { storageClass, lockMs } = tier;
  const { backends, away } = await openConfigured(context, config, tier.backends, { storageClass, meterOf });
  const places = tier.backends.map((backend) => config.backends.get(backend)!.domains);
  const lock = lockMs === null ? undefined : { durationMs: lockMs };
  return { name, profile: profileOf(tier.profile), backends, away, places, lock };
}
