import type { Config } from '../config/schema.ts';
import { ValenceError } from '../core/errors.ts';
import { uuidText } from '../core/ids.ts';
import type { HostKey } from '../format/keys/host-key.ts';
import { prepareHolders } from '../pipeline/holders.ts';
import type { ConfiguredBackend, PreparedHolders, WritableHolder } from '../pipeline/holders.ts';
import { lockEnd } from '../pipeline/object-locks.ts';
import { repairTier } from '../pipeline/repair.ts';
import type { RepairReport } from '../pipeline/repair.ts';
import { openKeyring } from '../vault/keyring.ts';
import { openPlaces } from '../vault/places.ts';
import type { Blemish } from '../vault/places.ts';
import type { AppContext } from './context.ts';
import { readHostKey } from './keys.ts';
import { openConfigured } from './places.ts';
import type { OpenedBackends } from './places.ts';
import { profileOf } from './profile.ts';
import type { RepairLoss, RepairOptions, RepairRecord } from './repair-calls.ts';
import { tierNames } from './tier-names.ts';
import { noneThere } from './vault-reading.ts';

/** `backup repair`: one record a tier. What a tier lost is put on the backends that it has; all that are configured are read. */
export async function* repairTiers(
  context: AppContext,
  options: RepairOptions,
): AsyncGenerator<RepairRecord, void, undefined> {
  const { config } = await context.configFile();
  const names = tiersOf(config, options);
  const hostKey = await readHostKey(context);
  if (!options.dryRun) await context.lock();
  const opened = await openConfigured(context, config, [...config.backends.keys()]);
  try {
    if (opened.backends.length === 0) throw noneThere(opened.away);
    for (const tier of names) {
      const record = await repairOne(context, { tier, config, hostKey, opened, options });
      yield options.replace === undefined ? record : await replaced(context, record, options.replace);
    }
  } finally {
    for (const { backend } of opened.backends) await context.release(backend);
  }
}

interface RepairInput {
  readonly tier: string;
  readonly config: Config;
  readonly hostKey: HostKey;
  readonly opened: OpenedBackends<ConfiguredBackend>;
  readonly options: RepairOptions;
}

async function repairOne(context: AppContext, input: RepairInput): Promise<RepairRecord> {
  const { tier, config, hostKey, opened, options } = input;
  const { clock, random, progress, signal } = context;
  const vaultId = uuidText(hostKey.vaultId);
  const { profile, lockMs } = config.tiers.get(tier)!;
  const names = backendsOf(config, tier, options);
  const own = opened.backends.filter(({ name }) => names.includes(name));
  const prepared = options.dryRun
    ? await knownHolders(context, own, vaultId)
    : await prepareHolders(own, vaultId, random, signal);
  const { places } = await openPlaces(
    opened.backends.map(({ backend }) => backend),
    vaultId,
    signal,
  );
  const keyring = await openKeyring(places, vaultId, { kind: 'host', key: hostKey }, signal);
  const report = await repairTier({
    tier,
    profile: profileOf(profile),
    promisedOn: names.map((name) => config.backends.get(name)!.domains),
    holders: prepared.holders,
    lockedUntil: lockMs === null ? undefined : lockEnd(clock.now(), lockMs),
    places,
    keyring,
    data: options.data,
    dryRun: options.dryRun,
    archived: { wait: options.wait ?? false, progress },
    random,
    progress,
    signal,
  });
  const locations = names.map((name) => config.backends.get(name)!.location);
  const away = [...opened.away.filter(({ location }) => locations.includes(location)), ...prepared.away];
  return recordOf(report, { away, dryRun: options.dryRun });
}

/** As `prepareHolders`, without making an empty place a holder: it is planned with as one that has an id already. */
async function knownHolders(
  { random, signal }: AppContext,
  backends: readonly ConfiguredBackend[],
  vaultId: string,
): Promise<PreparedHolders> {
  const { places, blemishes } = await openPlaces(
    backends.map(({ backend }) => backend),
    vaultId,
    signal,
  );
  const holders = places.flatMap(({ backend, holder }): WritableHolder[] => {
    const configured = backends.find((candidate) => candidate.backend === backend)!;
    const isEmpty = blemishes.some(
      ({ location, error }) => location === backend.location && error.code === 'backend/not-found',
    );
    if (holder === null && !isEmpty) return [];
    return [{ ...configured, holder: holder ?? uuidText(random.bytes(16)), isNew: holder === null }];
  });
  return { holders, away: blemishes.filter(({ error }) => error.code !== 'backend/not-found') };
}

/** Every tier, the one asked for, or those that have the backend that is to go. @throws `usage/invalid`, `config/invalid` */
function tiersOf(config: Config, { tier, replace }: RepairOptions): string[] {
  const names = tierNames(config, tier);
  if (replace === undefined) return names;
  for (const name of [replace.old, replace.new]) {
    if (config.backends.has(name)) continue;
    throw new ValenceError('usage/invalid', `there is no backend ${name}`, {
      hint: `the backends are ${[...config.backends.keys()].join(', ') || 'none'}; add one with \`valence backup config --add-backend\``,
    });
  }
  const using = names.filter((name) => config.tiers.get(name)!.backends.includes(replace.old));
  if (using.length === 0) {
    const where = tier === undefined ? 'no tier has' : `tier ${tier} does not have`;
    throw new ValenceError('usage/invalid', `${where} backend ${replace.old}`, { hint: 'see `valence backup config`' });
  }
  const both = using.find((name) => config.tiers.get(name)!.backends.includes(replace.new));
  if (both === undefined) return using;
  throw new ValenceError('usage/invalid', `tier ${both} has backend ${replace.new} already`, {
    hint: 'name a backend that the tier does not have',
  });
}

function backendsOf(config: Config, tier: string, { replace }: RepairOptions): string[] {
  return config.tiers.get(tier)!.backends.map((name) => (name === replace?.old ? replace.new : name));
}

/** The tier has the new backend in `valence.yaml` once all that it promises lies there without the old one. */
async function replaced(
  context: AppContext,
  record: RepairRecord,
  replace: NonNullable<RepairOptions['replace']>,
): Promise<RepairRecord> {
  if (record.dryRun) return record;
  if (record.lacking > 0 || record.lost.length > 0 || record.status !== 'ok') {
    const note = `${replace.old} stays in tier ${record.tier}, since not everything could be placed without it`;
    return { ...record, replaced: false, notes: [...record.notes, note] };
  }
  const file = await context.configFile();
  const { profile } = file.config.tiers.get(record.tier)!;
  const backends = backendsOf(file.config, record.tier, { data: false, dryRun: false, replace });
  file.setTier(record.tier, { backends, profile });
  await file.save();
  const left = [...file.config.tiers.values()].every((tier) => !tier.backends.includes(replace.old));
  const next = left ? `; \`valence backup config --remove-backend ${replace.old}\` takes it out of the file` : '';
  const note = `tier ${record.tier} has ${replace.new} now, and no longer ${replace.old}${next}`;
  return { ...record, replaced: true, notes: [...record.notes, note] };
}

function recordOf(
  report: RepairReport,
  { away, dryRun }: { readonly away: readonly Blemish[]; readonly dryRun: boolean },
): RepairRecord {
  const { records: _, lost, notes, ...figures } = report;
  return {
    type: 'repair',
    ...figures,
    dryRun,
    lost: lost.map(lossOf),
    replaced: null,
    notes: [...away.map(({ location, error }) => `${location} took no part: ${error.message}`), ...notes],
  };
}

function lossOf({ what, reason, context }: RepairReport['lost'][number]): RepairLoss {
  const missing: unknown = context['missing'];
  return { what, reason, missing: Array.isArray(missing) ? missing.map(String) : [] };
}
