import { isValenceError } from '../core/errors.ts';
import { uuidText } from '../core/ids.ts';
import type { Catalog, CatalogSegment, CatalogStripe, CatalogTree, TierCommit } from '../core/ports.ts';
import type { SegmentBody } from '../format/index/segment-body.ts';
import type { HostKey } from '../format/keys/host-key.ts';
import { sha256 } from '../format/shard/name.ts';
import { readSegment, segmentObjectName } from '../vault/index-map.ts';
import { bundleObjectName } from '../vault/keyring.ts';
import { StripeReader } from '../vault/stripe-reader.ts';
import { snapshotObjectName } from '../vault/snapshots.ts';
import { encodeManifest, openSummary, parseManifest } from '../format/snapshot/manifest.ts';
import type { ManifestHeader } from '../format/snapshot/header.ts';
import type { SnapshotSummary, TierHead } from '../format/snapshot/summary.ts';
import { promisedBy, survivesCopies, survivesDomains } from '../placement/promise.ts';
import type { BackedUp, BackupOptions, TierRun } from './backup.ts';
import { catalogStripe } from './catalog-segment.ts';
import { countRows } from './count-rows.ts';
import { foldIndex } from './fold.ts';
import type { FoldedIndex, FoldIndexOptions } from './fold.ts';
import { tooFewHolders } from './holders.ts';
import type { WritableHolder } from './holders.ts';
import { knownLocks, lockEnd, lockReferenced } from './object-locks.ts';
import type { Locked } from './object-locks.ts';
import { shareObjects } from './shared-objects.ts';
import type { SharedObject } from './shared-objects.ts';
import { stripesOf } from './old-index.ts';
import type { TierRead, SnapshotFacts } from './read-tiers.ts';
import type { ReadTree } from './read-trees.ts';
import type { TierWritten, StoredChunk } from './tier-writer.ts';

export interface Committed extends BackedUp {
  /** Its whole index. */
  readonly segments: readonly CatalogSegment[];
}

/**
 * Makes a stored snapshot visible: the rest of the index, the key bundle, then the manifest, then the catalog (DESIGN
 * D10). Until the manifest is acknowledged nobody sees anything of it.
 */
export async function commitSnapshot(
  run: TierRun,
  facts: SnapshotFacts,
  read: TierRead,
  options: BackupOptions,
): Promise<Committed> {
  const written = await run.writer.finishIndex({
    older: read.segments,
    dropped: read.dropped,
    fold: (listed, newest) => foldOf(run, { listed, newest }, options),
  });
  const { hostKey, random, catalog } = options;
  const { segments } = written;
  // Those just folded away are needed by older snapshots, and no later run will look after them.
  const complete = await shareObjects(run.uploads, sharedObjects(run, hostKey, [...segments, ...written.folded]), {
    damaged: read.problems,
    signal: options.signal,
  });
  const header = manifestHeader(run, segments, options);
  const locked = await lockSnapshot(run, written, header.createdAt, options);
  const summary = await summarize(run, facts, { read, written, complete, options });
  const trees = read.trees.map((tree) => ({ summary: tree.summary, root: tree.root.reference }));
  const body = {
    contentRoot: facts.contentRoot,
    schemaVersion: facts.schemaVersion,
    trees,
    configuration: options.configuration,
  };
  const keys = { indexKey: hostKey.secrets.indexKey, signingKey: hostKey.signingKey, recipients: hostKey.recipients };
  const bytes = encodeManifest({ header, summary, body }, keys, random);
  const manifest = parseManifest(bytes);
  const object = snapshotObjectName(header.tier, header.sequence, manifest.digest);
  const took = await run.uploads.storeEverywhere(object, bytes);
  if (took.length === 0) throw tooFewHolders(1, 0, run.uploads.refused);
  const forgotten = await remember(catalog, header.tier, {
    base: run.state.record?.digest ?? null,
    sequence: header.sequence,
    digest: manifest.digest,
    contentRoot: facts.contentRoot,
    position: facts.position,
    trees: read.trees.map(catalogTree),
    segments,
    removed: read.removed,
    added: run.writer.positions,
  });
  // A holder that went away only now has its shards taken off, too.
  const older = [...stripesOf(read.segments), ...written.adopted];
  const survives = Math.max(
    0,
    Math.min(summary.survives, survivesNow(run, older, complete.intersection(new Set(took)))),
  );
  const actual = {
    ...openSummary(manifest, keys.indexKey),
    survives,
    degraded: summary.degraded || survives < promised(run),
  };
  const locations = took.map((holder) => holder.backend.location).sort();
  const snapshot = { manifest, summary: actual, object, locations };
  const remembered = await rememberLocks(run, manifest.digest, locked, options);
  const notes = [
    ...read.notes,
    ...takenUp(written),
    ...notesOf(run),
    ...locked.notes,
    ...forgotten,
    ...remembered,
    ...(await run.journal.clear()),
  ];
  return { snapshot, scan: read.scan, notes, segments };
}

/** Sets and extends the locks of all that the snapshot refers to; its manifest is put with one of the same length. */
async function lockSnapshot(
  { tier, uploads, state }: TierRun,
  { segments }: TierWritten,
  now: number,
  { hostKey: { generation, writerId, bundle }, locks, signal }: BackupOptions,
): Promise<Locked> {
  const putUntil = uploads.lockedUntil;
  if (tier.lock === undefined || putUntil === null) return { holders: new Map(), notes: [] };
  const until = Math.max(putUntil, lockEnd(now, tier.lock.durationMs));
  uploads.lockedUntil = until;
  return lockReferenced(uploads.willing, {
    until,
    putUntil,
    segments,
    bundle: bundleObjectName(generation, writerId, bundle),
    presence: state.presence,
    repaired: {
      records: state.repairs.records.map(({ object }) => object),
      stripes: Array.from(state.repairs.stripes.all(), ({ stripe }) => catalogStripe(stripe)),
    },
    known: knownLocks((await locks?.read(tier.name)) ?? null, state.record?.digest ?? null),
    signal,
  });
}

/** What there is to say of it. */
async function rememberLocks(
  { tier }: TierRun,
  digest: Uint8Array,
  { holders }: Locked,
  { locks }: BackupOptions,
): Promise<string[]> {
  if (tier.lock === undefined) return [];
  try {
    await locks?.write(tier.name, { digest, holders });
    return [];
  } catch (error) {
    if (!isValenceError(error) || !error.code.startsWith('backend/')) throw error;
    return [`the next run sets all locks once more, since these could not be noted: ${error.message}`];
  }
}

/** The snapshot is committed, whether its host can remember it or not. What there is to say of that. */
async function remember(catalog: Catalog, tier: string, commit: TierCommit): Promise<string[]> {
  try {
    await catalog.commit(tier, commit);
    return [];
  } catch (error) {
    if (isValenceError(error, 'backend/second-writer')) {
      return ['another run of this host ended meanwhile and is what it remembers: let only one backup run at a time'];
    }
    if (!isValenceError(error, 'database/read-only')) throw error;
    return [
      'a standby cannot remember what was stored: the next run stores everything anew; better back up the primary',
    ];
  }
}

function takenUp({ adopted }: TierWritten): string[] {
  if (adopted.length === 0) return [];
  const bytes = adopted.reduce((sum, { shardLength, shards }) => sum + shardLength * shards.length, 0);
  return [`${(bytes / 2 ** 20).toFixed(1)} MiB that an interrupted run had stored were used`];
}

function foldOf(
  run: TierRun,
  index: Pick<FoldIndexOptions, 'listed' | 'newest'>,
  { hostKey, signal }: BackupOptions,
): Promise<FoldedIndex> {
  const { tier, holders, keyring, placer, uploads, state } = run;
  const places = holders.map(({ backend, holder }) => ({ backend, holder }));
  const stripes = new StripeReader(places, hostKey.secrets.maskKey, { presence: state.presence, signal });
  return foldIndex({
    ...index,
    profile: tier.profile,
    promised: promised(run),
    domains: new Map(uploads.willing.map(({ holder, domains }) => [holder, domains])),
    readSegment: async (digest) => whereItIs((await readSegment(places, keyring, digest, signal)).body, state),
    readStripe: (stripe) => stripes.read(stripe),
    place: (pack, chunks) => placer.place(pack, chunks),
  });
}

/** Where repairs gave a stripe other places, it is listed with those. */
function whereItIs(body: SegmentBody, { repairs, presence }: TierRun['state']): SegmentBody {
  if (repairs.stripes.isEmpty) return body;
  const stripes = body.stripes.map((stripe) => {
    return { ...stripe, shards: presence.best(repairs.stripes.joined(stripe)) };
  });
  return { ...body, stripes };
}

function catalogTree({ tree, summary, root, chunks }: ReadTree<StoredChunk>): CatalogTree {
  const { rowVersion, level, contentId, rows, bytes } = summary;
  return { tree, rowVersion, level, contentId, rows, bytes, chunks, ...root.reference };
}

function sharedObjects(run: TierRun, hostKey: HostKey, segments: readonly CatalogSegment[]): SharedObject[] {
  const { generation, writerId, bundle } = hostKey;
  const keys = { object: bundleObjectName(generation, writerId, bundle), digest: sha256(bundle), bytes: bundle };
  const named = segments.map(({ digest }) => ({ object: segmentObjectName(digest), digest }));
  const records = run.state.repairs.records.filter(({ header }) => header.tier === run.tier.name);
  const all = [...named, ...run.state.heads, ...records];
  return [keys, ...all.map(({ object, digest }) => ({ object, digest, bytes: null }))];
}

function manifestHeader(run: TierRun, segments: readonly CatalogSegment[], options: BackupOptions): ManifestHeader {
  const { hostKey, clock, random } = options;
  return {
    vaultId: uuidText(hostKey.vaultId),
    generation: uuidText(hostKey.generation),
    writerId: uuidText(hostKey.writerId),
    tier: run.tier.name,
    sequence: run.state.sequence,
    previous: run.state.previous,
    createdAt: clock.now(),
    salt: random.bytes(32),
    index: segments.map(({ digest }) => digest),
  };
}

interface SummaryInput {
  readonly read: TierRead;
  readonly written: TierWritten;
  /** Holders that have the whole index and the bundle. */
  readonly complete: ReadonlySet<WritableHolder>;
  readonly options: BackupOptions;
}

async function summarize(run: TierRun, facts: SnapshotFacts, input: SummaryInput): Promise<SnapshotSummary> {
  const { read, written, complete, options } = input;
  const older = [...stripesOf(read.segments), ...written.adopted];
  const survives = Math.max(0, survivesNow(run, older, complete));
  return {
    contentRoot: facts.contentRoot,
    counts: countRows(read.trees.map((tree) => tree.summary)),
    logicalBytes: read.trees.reduce((sum, tree) => sum + tree.summary.bytes, 0),
    newBytes: written.newBytes,
    storedBytes: run.uploads.storedBytes,
    survives,
    degraded: survives < promised(run),
    schemaVersion: facts.schemaVersion,
    engine: facts.engine,
    profile: run.tier.profile,
    holders: run.holders.map(({ holder, name, type, domains }) => ({
      id: holder,
      name,
      type,
      domain: domains.join(' '),
    })),
    heads: await knownHeads(run, options),
  };
}

/** The least of: stripes placed now, older stripes that are still needed, and the copies of index and bundle. */
function survivesNow(run: TierRun, older: readonly CatalogStripe[], complete: ReadonlySet<WritableHolder>): number {
  const answering = run.holders.filter((holder) => run.uploads.answers(holder));
  const domains = new Map(answering.map((holder) => [holder.holder, holder.domains]));
  let least = Math.min(run.placer.survives, survivesCopies([...complete].map((holder) => holder.domains)));
  for (const { required, shardLength, shards } of older) {
    const present = run.state.presence.presentShards(shards, shardLength);
    const places = present.map((shard) => domains.get(uuidText(shard.holder))).filter((at) => at !== undefined);
    least = Math.min(least, survivesDomains({ required, places }));
  }
  return least;
}

function promised(run: TierRun): number {
  return promisedBy(run.tier.profile, run.tier.places);
}

async function knownHeads(run: TierRun, options: BackupOptions): Promise<TierHead[]> {
  const heads = await options.catalog.heads();
  return heads
    .filter((head) => head.tier !== run.tier.name)
    .map(({ tier, sequence, digest }) => ({ tier, sequence, digest }));
}

function notesOf(run: TierRun): string[] {
  const away = run.away.map(({ location, error }) => `${location} took no part: ${error.message}`);
  const refused = run.uploads.refused.map(({ location, error }) => `${location} refused: ${error.message}`);
  const fresh = run.state.sequence === 1 ? [] : run.holders.filter((holder) => holder.isNew);
  const replaced = fresh.map(
    ({ backend }) => `${backend.location} held nothing of this vault and begins as a new place`,
  );
  const kept = run.uploads.kept.map(({ location, error }) => `${location} keeps a damaged object: ${error.message}`);
  return [...run.state.notes, ...replaced, ...away, ...refused, ...kept];
}
