import type { Clock } from '../core/clock.ts';
import { toHex } from '../core/bytes.ts';
import { invariant } from '../core/errors.ts';
import { uuidText } from '../core/ids.ts';
import type { Catalog, SnapshotSource, WithSnapshotSource } from '../core/ports.ts';
import type { ProgressSink } from '../core/progress.ts';
import type { Random } from '../core/random.ts';
import type { HostKey } from '../format/keys/host-key.ts';
import type { PackedChunk } from '../format/sealing/pack.ts';
import type { Profile } from '../format/sealing/stripe.ts';
import type { BuiltTree } from '../format/tree/builder.ts';
import { openKeyring } from '../vault/keyring.ts';
import type { Keyring } from '../vault/keyring.ts';
import type { Blemish } from '../vault/places.ts';
import type { Snapshot } from '../vault/snapshots.ts';
import type { StripeCoder } from './code-stripe.ts';
import { commitSnapshot } from './commit.ts';
import { prepareHolders, tooFewHolders } from './holders.ts';
import type { ConfiguredBackend, WritableHolder } from './holders.ts';
import { Placer } from './placer.ts';
import { readTrees } from './read-trees.ts';
import type { TreesRead } from './read-trees.ts';
import type { Sealer } from './sealer.ts';
import { Spool } from './spool.ts';
import type { SpoolFiles } from './spool.ts';
import { openTierState } from './tier-state.ts';
import type { TierState } from './tier-state.ts';
import { TierWriter } from './tier-writer.ts';
import type { StoredChunk } from './tier-writer.ts';

/** One run: one database snapshot, stored and committed for each of the tiers asked for. */

export interface BackupTier {
  readonly name: string;
  readonly profile: Profile;
  /** Those that could be opened. */
  readonly backends: readonly ConfiguredBackend[];
  /** Those that could not. */
  readonly away: readonly Blemish[];
  /** Failure domains of all of them: what the tier's promise is counted over. */
  readonly domains: readonly string[];
}

export interface BackupOptions {
  readonly tiers: readonly BackupTier[];
  readonly hostKey: HostKey;
  readonly withSource: WithSnapshotSource;
  readonly catalog: Catalog;
  readonly sealer: Sealer;
  readonly coder: StripeCoder;
  readonly spool: { readonly folder: string; readonly files: SpoolFiles };
  /** The configuration to be kept in the snapshot, as YAML without secrets. */
  readonly configuration: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly progress: ProgressSink;
  readonly signal?: AbortSignal | undefined;
}

export interface BackedUp {
  readonly snapshot: Snapshot;
  readonly notes: readonly string[];
}

/** A tier on its way through a run. */
export interface TierRun {
  readonly tier: BackupTier;
  readonly holders: readonly WritableHolder[];
  readonly away: readonly Blemish[];
  readonly keyring: Keyring;
  readonly state: TierState;
  readonly placer: Placer;
  readonly writer: TierWriter;
}

/**
 * @throws `backend/*` when a tier cannot be committed at all, `integrity/chain-broken` when its backends show less than
 * this host committed; nothing of the run is visible then
 */
export async function runBackup(options: BackupOptions): Promise<BackedUp[]> {
  const runs: TierRun[] = [];
  for (const tier of options.tiers) runs.push(await startTier(tier, options));
  const uploads = runs.map((run) => run.writer.upload());
  for (const upload of uploads) upload.catch(() => {});
  try {
    const { facts, read } = await options.withSource(async (opened) => ({
      facts: { schemaVersion: opened.schemaVersion, engine: opened.engine },
      read: await readAll(opened, runs, options),
    }));
    for (const run of runs) await run.writer.finishChunks();
    options.progress({ stage: 'uploading' });
    await Promise.all(uploads);
    const done: BackedUp[] = [];
    for (const [i, run] of runs.entries()) {
      done.push(
        await commitSnapshot(run, { ...facts, contentRoot: read.contentRoot, trees: treesOf(read, i) }, options),
      );
    }
    return done;
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
  const state = await openTierState({ tier: tier.name, writerId, holders, keyring, catalog, signal });
  const placer = new Placer({
    holders,
    profile: tier.profile,
    maskKey: hostKey.secrets.maskKey,
    coder: options.coder,
    signal,
  });
  const writer = new TierWriter({
    profile: tier.profile,
    header: { vaultId, generation: uuidText(hostKey.generation), writerId, tier: tier.name },
    keys: { indexKey: hostKey.secrets.indexKey, signingKey: hostKey.signingKey },
    known: state.known,
    placer,
    sealer: options.sealer,
    spool: new Spool<readonly PackedChunk[]>(options.spool),
    random,
  });
  return { tier, holders, away: missing, keyring, state, placer, writer };
}

async function readAll(
  source: SnapshotSource,
  runs: readonly TierRun[],
  options: BackupOptions,
): Promise<TreesRead<readonly StoredChunk[]>> {
  return readTrees<readonly StoredChunk[]>(source, {
    secrets: options.hostKey.secrets,
    store: (chunk) => Promise.all(runs.map((run, i) => run.writer.put(chunk, () => childrenOf(chunk.children, i)))),
    ready: async () => {
      await options.sealer.ready();
      for (const run of runs) await run.writer.ready();
    },
    progress: options.progress,
    signal: options.signal,
  });
}

async function childrenOf(children: readonly Promise<readonly StoredChunk[]>[], tier: number): Promise<StoredChunk[]> {
  const stored = await Promise.all(children);
  return stored.map((perTier) => perTier[tier]!);
}

function treesOf(read: TreesRead<readonly StoredChunk[]>, tier: number): BuiltTree<StoredChunk>[] {
  return read.trees.map(({ summary, root }) => {
    const stored = root[tier];
    invariant(stored !== undefined, `every tier stored the root ${toHex(summary.contentId)}`);
    return { summary, root: stored };
  });
}
