import type { Clock } from '../core/clock.ts';
import { uuidText } from '../core/ids.ts';
import type { Catalog, LockLedger, UploadJournal, WithSnapshot } from '../core/ports.ts';
import type { ProgressSink } from '../core/progress.ts';
import type { Random } from '../core/random.ts';
import type { HostKey } from '../format/keys/host-key.ts';
import type { Profile } from '../format/sealing/stripe.ts';
import type { Domains } from '../placement/failure-domains.ts';
import { openKeyring } from '../vault/keyring.ts';
import type { Keyring } from '../vault/keyring.ts';
import type { Blemish } from '../vault/places.ts';
import type { Snapshot } from '../vault/snapshots.ts';
import type { StripeCoder } from './code-stripe.ts';
import { commitSnapshot } from './commit.ts';
import { payDebt } from './debt.ts';
import { prepareHolders, tooFewHolders } from './holders.ts';
import type { ConfiguredBackend, WritableHolder } from './holders.ts';
import { KnownChunks } from './known-chunks.ts';
import { lockEnd } from './object-locks.ts';
import { Placer } from './placer.ts';
import { readTiers } from './read-tiers.ts';
import type { Sealer } from './sealer.ts';
import { Spool } from './spool.ts';
import type { SpoolFiles } from './spool.ts';
import { openTierState } from './tier-state.ts';
import type { TierState } from './tier-state.ts';
import { TierJournal } from './tier-journal.ts';
import { TierWriter } from './tier-writer.ts';
import type { WaitingPack } from './tier-writer.ts';
import { isAsGoodAsNew, UploadedPacks } from './uploaded-packs.ts';
import { Uploads } from './uploads.ts';

/** One run: one database snapshot, stored and committed for each of the tiers asked for. */

export interface BackupTier {
  readonly name: string;
  readonly profile: Profile;
  /** Those that could be opened. */
  readonly backends: readonly ConfiguredBackend[];
  /** Those that could not. */
  readonly away: readonly Blemish[];
  /** Failure domains of each of them, away or not: what the tier's promise is counted over. */
  readonly places: readonly Domains[];
  /** Object lock: for how long, from its commit, all that a snapshot refers to is to be kept from everybody. */
  readonly lock?: { readonly durationMs: number } | undefined;
}

export interface BackupOptions {
  readonly tiers: readonly BackupTier[];
  readonly hostKey: HostKey;
  readonly withSnapshot: WithSnapshot;
  readonly catalog: Catalog;
  readonly journal: UploadJournal;
  /** Without one, every commit to a tier with object lock extends every lock. */
  readonly locks?: LockLedger | undefined;
  readonly sealer: Sealer;
  readonly coder: StripeCoder;
  readonly spool: { readonly folder: string; readonly files: SpoolFiles };
  /** The configuration to be kept in the snapshot, as YAML without secrets. */
  readonly configuration: string;
  /** Read every row, whatever the change log says, and hold what it says against that. */
  readonly fullScan?: boolean | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly progress: ProgressSink;
  /** Told of each tier's snapshot once it is committed, also where the run then fails. */
  readonly committed: (done: BackedUp) => void;
  readonly signal?: AbortSignal | undefined;
}

/** `changes`: only what changed since the tier's last snapshot was read. */
export type Scan = 'everything' | 'changes';

export interface BackedUp {
  readonly snapshot: Snapshot;
  readonly scan: Scan;
  readonly notes: readonly string[];
}

/** A tier on its way through a run. */
export interface TierRun {
  readonly tier: BackupTier;
  readonly holders: readonly WritableHolder[];
  readonly away: readonly Blemish[];
  readonly keyring: Keyring;
  readonly state: TierState;
  readonly known: KnownChunks;
  readonly journal: TierJournal;
  readonly uploads: Uploads;
  readonly placer: Placer;
  readonly writer: TierWriter;
}

/**
 * @throws `backend/*` when a tier cannot be committed at all, `integrity/chain-broken` when its backends show less than
 * this host committed; nothing of that tier is visible then, nor of those after it. `integrity/change-log` after a full scan that found what the
 * change log had missed: its snapshots are committed.
 */
export async function runBackup(options: BackupOptions): Promise<void> {
  const runs: TierRun[] = [];
  for (const tier of options.tiers) runs.push(await startTier(tier, options));
  const uploads = runs.map((run) => run.writer.upload());
  for (const upload of uploads) upload.catch(() => {});
  try {
    const { facts, reads, missed } = await readTiers(runs, options);
    for (const run of runs) await run.writer.finishChunks();
    options.progress({ stage: 'uploading' });
    await Promise.all(uploads);
    for (const [i, run] of runs.entries()) {
      const { segments, ...done } = await commitSnapshot(run, facts, reads[i]!, options);
      const paid: string[] = [];
      try {
        paid.push(...(await payDebt(run, segments, options)));
      } finally {
        options.committed({ ...done, notes: [...done.notes, ...paid] });
      }
    }
    if (missed !== null) throw missed;
  } finally {
    await Promise.all(runs.map((run) => run.writer.stop()));
    await Promise.allSettled(uploads);
  }
}

async function startTier(tier: BackupTier, options: BackupOptions): Promise<TierRun> {
  const { hostKey, catalog, random, signal } = options;
  const vaultId = uuidText(hostKey.vaultId);
  const { holders, away } = await prepareHolders(tier.backends, vaultId, random, signal);
  const missing = [...tier.away, ...away];
  if (holders.length < tier.profile.k) throw tooFewHolders(tier.profile.k, holders.length, missing);
  const places = holders.map(({ backend, holder }) => ({ backend, holder }));
  const keyring = await openKeyring(places, vaultId, { kind: 'host', key: hostKey }, signal);
  const writerId = uuidText(hostKey.writerId);
  const state = await openTierState({
    tier: tier.name,
    profile: tier.profile,
    writerId,
    holders,
    keyring,
    catalog,
    signal,
  });
  const lockedUntil = tier.lock === undefined ? null : lockEnd(options.clock.now(), tier.lock.durationMs);
  const uploads = new Uploads({ holders, lockedUntil, signal });
  const placer = new Placer({
    uploads,
    profile: tier.profile,
    maskKey: hostKey.secrets.maskKey,
    coder: options.coder,
    spool: options.spool,
    signal,
  });
  const known = new KnownChunks();
  const journal = new TierJournal(options.journal, tier.name, state.record?.digest ?? null);
  const uploaded = UploadedPacks.load(await journal.read(), {
    profile: tier.profile,
    isPresent: (stripe) => {
      const shards = state.presence.best(state.repairs.stripes.joined(stripe));
      return isAsGoodAsNew({ ...stripe, shards }, state.presence, holders);
    },
  });
  const writer = new TierWriter({
    profile: tier.profile,
    header: { vaultId, generation: uuidText(hostKey.generation), writerId, tier: tier.name },
    keys: { indexKey: hostKey.secrets.indexKey, signingKey: hostKey.signingKey },
    known,
    uploaded,
    note: (pack) => journal.note(pack),
    uploads,
    placer,
    sealer: options.sealer,
    spool: new Spool<WaitingPack>(options.spool),
    random,
  });
  return { tier, holders, away: missing, keyring, state, known, journal, uploads, placer, writer };
}
