import { uuidText } from '../core/ids.ts';
import type { HostKey } from '../format/keys/host-key.ts';
import { sha256 } from '../format/shard/name.ts';
import { segmentObjectName } from '../vault/index-map.ts';
import { bundleObjectName } from '../vault/keyring.ts';
import { snapshotObjectName } from '../vault/snapshots.ts';
import { encodeManifest, openSummary, parseManifest } from '../format/snapshot/manifest.ts';
import type { ManifestHeader } from '../format/snapshot/header.ts';
import type { SnapshotSummary, TierHead } from '../format/snapshot/summary.ts';
import type { BuiltTree } from '../format/tree/builder.ts';
import { promisedBy, survivesCopies, survivesDomains } from '../placement/promise.ts';
import type { BackedUp, BackupOptions, TierRun } from './backup.ts';
import { countRows } from './count-rows.ts';
import { tooFewHolders } from './holders.ts';
import type { WritableHolder } from './holders.ts';
import { shareObjects } from './shared-objects.ts';
import type { SharedObject } from './shared-objects.ts';
import type { TierWritten, StoredChunk } from './tier-writer.ts';

export interface SnapshotFacts {
  readonly schemaVersion: number;
  readonly engine: string;
  readonly contentRoot: Uint8Array;
  readonly trees: readonly BuiltTree<StoredChunk>[];
}

/**
 * Makes a stored snapshot visible: the rest of the index, the key bundle, then the manifest, then the catalog (DESIGN
 * D10). Until the manifest is acknowledged nobody sees anything of it.
 */
export async function commitSnapshot(run: TierRun, facts: SnapshotFacts, options: BackupOptions): Promise<BackedUp> {
  const written = await run.writer.finishIndex();
  const { hostKey, random, catalog } = options;
  const segments = [...run.state.segments, ...written.segments];
  const complete = await shareObjects(run.placer, sharedObjects(hostKey, segments), {
    damaged: run.state.problems,
    signal: options.signal,
  });
  const header = manifestHeader(run, written, options);
  const summary = await summarize(run, facts, { written, complete, options });
  const trees = facts.trees.map((tree) => ({ summary: tree.summary, root: tree.root.reference }));
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
  const took = await run.placer.storeEverywhere(object, bytes);
  if (took.length === 0) throw tooFewHolders(1, 0, run.placer.refused);
  const head = { sequence: header.sequence, digest: manifest.digest, contentRoot: facts.contentRoot };
  await catalog.replace(
    header.tier,
    head,
    written.added,
    written.dropped.map((chunk) => chunk.contentId),
  );
  const survives = Math.min(summary.survives, survivesCopies(took.map((holder) => holder.domain)));
  const actual = {
    ...openSummary(manifest, keys.indexKey),
    survives,
    degraded: summary.degraded || survives < promised(run),
  };
  const locations = took.map((holder) => holder.backend.location).sort();
  return { snapshot: { manifest, summary: actual, object, locations }, notes: notesOf(run) };
}

function sharedObjects(hostKey: HostKey, segments: readonly Uint8Array[]): SharedObject[] {
  const { generation, writerId, bundle } = hostKey;
  const keys = { object: bundleObjectName(generation, writerId, bundle), digest: sha256(bundle), bytes: bundle };
  return [keys, ...segments.map((digest) => ({ object: segmentObjectName(digest), digest, bytes: null }))];
}

function manifestHeader(run: TierRun, written: TierWritten, options: BackupOptions): ManifestHeader {
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
    index: [...run.state.segments, ...written.segments],
  };
}

interface SummaryInput {
  readonly written: TierWritten;
  /** Holders that have the whole index and the bundle. */
  readonly complete: ReadonlySet<WritableHolder>;
  readonly options: BackupOptions;
}

async function summarize(run: TierRun, facts: SnapshotFacts, input: SummaryInput): Promise<SnapshotSummary> {
  const { written, complete, options } = input;
  const survives = Math.max(0, survivesNow(run, complete));
  return {
    contentRoot: facts.contentRoot,
    counts: countRows(facts.trees.map((tree) => tree.summary)),
    logicalBytes: facts.trees.reduce((sum, tree) => sum + tree.summary.bytes, 0),
    newBytes: written.newBytes,
    storedBytes: run.placer.storedBytes,
    survives,
    degraded: survives < promised(run),
    schemaVersion: facts.schemaVersion,
    engine: facts.engine,
    profile: run.tier.profile,
    holders: run.holders.map(({ holder, name, type, domain }) => ({ id: holder, name, type, domain })),
    heads: await knownHeads(run, options),
  };
}

/** The least of: stripes placed now, older stripes that are still needed, and the copies of index and bundle. */
function survivesNow(run: TierRun, complete: ReadonlySet<WritableHolder>): number {
  const answering = run.holders.filter((holder) => run.placer.answers(holder));
  const domains = new Map(answering.map((holder) => [holder.holder, holder.domain]));
  const stripes = new Set<object>();
  let least = Math.min(run.placer.survives, survivesCopies([...complete].map((holder) => holder.domain)));
  for (const { name } of run.state.known.reused()) {
    const place = run.state.index.find(name);
    if (place === null || 'inline' in place.pack || stripes.has(place.pack.stripe)) continue;
    stripes.add(place.pack.stripe);
    const { stripe } = place.pack;
    const there = run.state.presence.present(stripe).flatMap((shard) => domains.get(uuidText(shard.holder)) ?? []);
    least = Math.min(least, survivesDomains({ required: stripe.geometry.k, domains: there }));
  }
  return least;
}

function promised(run: TierRun): number {
  return promisedBy(run.tier.profile, run.tier.domains);
}

async function knownHeads(run: TierRun, options: BackupOptions): Promise<TierHead[]> {
  const heads = await options.catalog.heads();
  return heads
    .filter((head) => head.tier !== run.tier.name)
    .map(({ tier, sequence, digest }) => ({ tier, sequence, digest }));
}

function notesOf(run: TierRun): string[] {
  const away = run.away.map(({ location, error }) => `${location} took no part: ${error.message}`);
  const refused = run.placer.refused.map(({ location, error }) => `${location} refused: ${error.message}`);
  const fresh = run.state.sequence === 1 ? [] : run.holders.filter((holder) => holder.isNew);
  const replaced = fresh.map(
    ({ backend }) => `${backend.location} held nothing of this vault and begins as a new place`,
  );
  return [...run.state.notes, ...replaced, ...away, ...refused];
}
