import { uuidBytes } from '../../src/core/ids.ts';
import { INLINE_VALUE_BYTES_MAX } from '../../src/core/limits.ts';
import type { IndexedStripe } from '../../src/format/index/segment-body.ts';
import { TupleReader } from '../../src/format/rows/copy-tuples.ts';
import { PackBuilder } from '../../src/format/sealing/pack.ts';
import type { Pack } from '../../src/format/sealing/pack.ts';
import { sealChunk } from '../../src/format/sealing/sealed-chunk.ts';
import { encodeStripe, storeShard, stripeId } from '../../src/format/sealing/stripe.ts';
import type { Profile } from '../../src/format/sealing/stripe.ts';
import { shardObjectName } from '../../src/format/shard/name.ts';
import type { RootedTree } from '../../src/format/snapshot/body.ts';
import type { TreeLayout } from '../../src/format/tables.ts';
import { TreeBuilder } from '../../src/format/tree/builder.ts';
import { encodeChunk } from '../../src/format/tree/chunk.ts';
import type { Reference } from '../../src/format/tree/chunk.ts';
import type { WritableHolder } from '../../src/pipeline/holders.ts';
import { IndexMap } from '../../src/vault/index-map.ts';
import { copyStream } from '../vectors/copy-rows.ts';
import { seededRandom } from './seeded-random.ts';
import { backendOf, MASK_KEY } from './tier-fixture.ts';
import { BOUNDARY_KEY, CONTENT_IDS, NO_MODEL } from './tree-fixture.ts';

/** Trees whose chunks lie in stripes at holders, shard i of each at holder i. */
export interface StoredTrees {
  readonly trees: readonly RootedTree[];
  readonly index: IndexMap;
  readonly stripes: readonly IndexedStripe[];
  readonly chunks: readonly SealedInTree[];
}

export interface SealedInTree {
  /** `code` of the tree. */
  readonly tree: number;
  readonly level: number;
  /** Of the sealed chunk. */
  readonly bytes: number;
}

export interface TreeToStore {
  readonly layout: TreeLayout;
  readonly modelId?: Uint8Array;
  /** Tuples in key order. */
  readonly rows: readonly Uint8Array[];
}

/** `packBytes`: how much a pack takes. */
export async function storeTrees(
  among: readonly WritableHolder[],
  trees: readonly TreeToStore[],
  { k, packBytes }: { readonly k: number; readonly packBytes: number },
): Promise<StoredTrees> {
  const random = seededRandom('sealing');
  const chunks: SealedInTree[] = [];
  const builder = new PackBuilder(packBytes);
  const packs: Pack[] = [];
  const seal: Seal = (chunk) => {
    const sealed = sealChunk(chunk.label.kind, encodeChunk(chunk), random);
    chunks.push({ ...chunk.label, bytes: sealed.sealed.length });
    const full = builder.add(sealed);
    if (full !== null) packs.push(full);
    return { name: sealed.name, key: sealed.key };
  };
  const rooted: RootedTree[] = [];
  for (const tree of trees) rooted.push(await build(tree, seal));
  const last = builder.take();
  if (last !== null) packs.push(last);
  const index = new IndexMap();
  const stripes = packs.map((pack) => storePack(among, pack, { k, n: among.length }));
  index.add({ stripes, inline: [], dropped: [] });
  return { trees: rooted, index, stripes, chunks };
}

/** Puts a pack's shards where they belong. */
export function storePack(among: readonly WritableHolder[], pack: Pack, profile: Profile): IndexedStripe {
  const { geometry, shards } = encodeStripe(pack.bytes, profile);
  const placed = shards.map((shard, index) => {
    const holder = uuidBytes(among[index]!.holder);
    const context = { stripeId: stripeId(geometry), index, holder, epoch: 0 };
    const { bytes, ...commitment } = storeShard(MASK_KEY, context, shard);
    backendOf(among[index]!).objects.set(shardObjectName(commitment.name), Uint8Array.from(bytes));
    return { index, holder, epoch: 0, ...commitment };
  });
  return { geometry, shards: placed, chunks: pack.chunks };
}

type Seal = (chunk: Parameters<typeof encodeChunk>[0]) => Reference;

async function build({ layout, modelId = NO_MODEL, rows }: TreeToStore, seal: Seal): Promise<RootedTree> {
  const builder = new TreeBuilder<Reference>({
    layout,
    modelId,
    boundaryKey: BOUNDARY_KEY,
    ids: CONTENT_IDS,
    store: async (chunk) => {
      const references = await Promise.all(chunk.children);
      return seal({ label: chunk.label, content: chunk.content, references });
    },
  });
  const reader = new TupleReader(layout, INLINE_VALUE_BYTES_MAX);
  for (const batch of reader.push(copyStream(rows))) builder.add(batch);
  reader.end();
  const { summary, root } = await builder.finish();
  return { summary, root };
}
