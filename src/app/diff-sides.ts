import { equalBytes, toHex } from '../core/bytes.ts';
import { uuidText } from '../core/ids.ts';
import type { RootedTree } from '../format/snapshot/body.ts';
import { layoutNamed, TREES } from '../format/tables.ts';
import type { TreeLayout } from '../format/tables.ts';
import { ContentIds } from '../format/tree/content-id.ts';
import { ChunkReader } from '../vault/chunk-reader.ts';
import { LateSource } from '../vault/late-source.ts';
import { openSnapshotBody } from '../vault/snapshot-body.ts';
import type { OpenedBody } from '../vault/snapshot-body.ts';
import { holderNames } from '../vault/snapshots.ts';
import type { Snapshot, SnapshotsFound } from '../vault/snapshots.ts';
import type { TreeSide } from '../vault/tree-cursor.ts';
import { diffTrees } from '../vault/tree-diff.ts';
import type { TreePair } from '../vault/tree-diff.ts';
import { layoutOf } from '../vault/tree-reader.ts';
import type { WhenArchived } from '../vault/warming.ts';
import { modelOf } from './row-difference.ts';
import type { OpenedVault } from './vault-reading.ts';

/** Two snapshots of a vault with their trees side by side. */
export interface Sides {
  /** Two trees of each table, and of each model, in the order of FORMAT.md §5.2. */
  readonly pairs: readonly ComparedTrees[];
  /** Names by id (UUID text) of the models of either snapshot, the later one's where they differ. Read when asked for. */
  modelNames(): Promise<ReadonlyMap<string, string>>;
  /** Of index segments and shards, so far. */
  bytesRead(): number;
}

export interface ComparedTrees {
  readonly pair: TreePair;
  /** UUID text; null where the trees belong to no model. */
  readonly modelId: string | null;
}

export interface SidesInput {
  readonly before: Snapshot;
  readonly after: Snapshot;
  readonly found: SnapshotsFound;
  readonly archived?: WhenArchived | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface Opened extends OpenedBody {
  readonly snapshot: Snapshot;
}

interface OpenedSide {
  readonly trees: readonly RootedTree[];
  readonly chunks: ChunkReader;
}

/** Reads nothing yet. @throws `key/wrong-key`, `integrity/authentication-failed`, `format/newer` */
export function openSides(vault: OpenedVault, { before, after, found, archived, signal }: SidesInput): Sides {
  const [first, second] = [openBody(before, vault), openBody(after, vault)];
  const sameIds = equalBytes(first.secrets.contentIdKey, second.secrets.contentIdKey);
  const names = holderNames(found.snapshots);
  const read = (...of: readonly [Opened, ...Opened[]]): LateSource => {
    const digests = of.flatMap(({ snapshot }) => snapshot.manifest.header.index);
    return new LateSource({
      ...vault,
      segments: [...new Map(digests.map((digest) => [toHex(digest), digest])).values()],
      maskKey: of[0].secrets.maskKey,
      // Across generations every row is compared, so that most chunks of each pack are needed.
      reads: sameIds ? 'chunks' : 'packs',
      names,
      archived,
      signal,
    });
  };
  const source = sameIds ? read(first, second) : read(first);
  const sources = sameIds ? [source] : [source, read(second)];
  const sides = { before: sideOf(first, source), after: sideOf(second, sources.at(-1)!) };
  let modelNames: Promise<ReadonlyMap<string, string>> | null = null;
  return {
    pairs: pairsOf(sides.before, sides.after, sameIds),
    modelNames: () => (modelNames ??= readModelNames(sides.before, sides.after)),
    bytesRead: () => sources.reduce((sum, { bytesRead }) => sum + bytesRead, 0),
  };
}

function openBody(snapshot: Snapshot, { keyring }: OpenedVault): Opened {
  return { snapshot, ...openSnapshotBody(snapshot, keyring) };
}

function sideOf({ body, secrets }: Opened, source: LateSource): OpenedSide {
  return { trees: body.trees, chunks: new ChunkReader(source, new ContentIds(secrets.contentIdKey)) };
}

/** @throws `format/newer` */
function pairsOf(before: OpenedSide, after: OpenedSide, sameIds: boolean): ComparedTrees[] {
  const all = [...before.trees, ...after.trees];
  for (const tree of all) layoutOf(tree);
  return TREES.filter(({ derived }) => derived !== true).flatMap((layout) => {
    const of = all.filter(({ summary }) => summary.code === layout.code);
    const ids = [...new Set(of.map(({ summary }) => uuidText(summary.modelId)))].sort();
    return ids.map((id) => ({
      pair: { layout, before: treeOf(before, layout, id), after: treeOf(after, layout, id), sameIds },
      modelId: layout.perModel === true ? id : null,
    }));
  });
}

/** Null: the snapshot has no such tree. */
function treeOf({ trees, chunks }: OpenedSide, { code }: TreeLayout, modelId: string): TreeSide | null {
  const tree = trees.find(({ summary }) => summary.code === code && uuidText(summary.modelId) === modelId);
  return tree === undefined ? null : { tree, chunks };
}

async function readModelNames(...sides: readonly OpenedSide[]): Promise<ReadonlyMap<string, string>> {
  const layout = layoutNamed('models');
  const names = new Map<string, string>();
  for (const { trees, chunks } of sides) {
    const tree = trees.find(({ summary }) => summary.code === layout.code);
    if (tree === undefined) continue;
    const all = { layout, before: null, after: { tree, chunks }, sameIds: true };
    for await (const found of diffTrees(all)) {
      if (found.kind !== 'added') continue;
      const { id, name } = await modelOf(found.after, layout);
      names.set(id, name);
    }
  }
  return names;
}
