import { describe, expect, it, test } from 'vitest';
import { toHex } from '../../src/core/bytes.ts';
import type { TreePosition } from '../../src/core/ports.ts';
import type { UnusedName } from '../../src/pipeline/known-chunks.ts';
import { openChunk } from '../../src/format/sealing/sealed-chunk.ts';
import type { TreeChunk } from '../../src/format/tree/tree-chunk.ts';
import { decodeChunk } from '../../src/format/tree/chunk.ts';
import type { Reference } from '../../src/format/tree/chunk.ts';
import { CHUNK_KIND } from '../../src/format/tree/content-id.ts';
import type { ChunkKind } from '../../src/format/tree/content-id.ts';
import type { IndexMap } from '../../src/vault/index-map.ts';
import { StripeReader } from '../../src/vault/stripe-reader.ts';
import type { WritableHolder } from '../../src/pipeline/holders.ts';
import type { IndexEnd, StoredChunk, TierWriter } from '../../src/pipeline/tier-writer.ts';
import { CONTENT_IDS, filler } from '../support/tree-fixture.ts';
import { rejection } from '../support/expect-code.ts';
import {
  backendOf,
  holderOf,
  holders,
  indexOf,
  knownChunks,
  makeTier,
  MASK_KEY,
  placesOf,
  RefusingBackend,
} from '../support/tier-fixture.ts';
import type { TierFixture } from '../support/tier-fixture.ts';

function chunk(name: string, length: number, children: readonly Promise<StoredChunk>[] = []): TreeChunk<StoredChunk> {
  const kind: ChunkKind = children.length > 0 ? CHUNK_KIND.node : CHUNK_KIND.leaf;
  const label = { kind, tree: 1, level: children.length > 0 ? 1 : 0, rowVersion: 1 };
  const content = filler(name, length);
  return {
    label,
    content,
    contentId: CONTENT_IDS.of(label, content),
    lastKey: filler(name, 16),
    rows: 1,
    bytes: length,
    children,
  };
}

const put = (writer: TierWriter, what: TreeChunk<StoredChunk>): Promise<StoredChunk> =>
  writer.put({ name: 'beliefs' }, what, () => Promise.all(what.children));

/** `count` leaves of `length` bytes under one node, as a tree hands them over. */
function putTree(
  writer: TierWriter,
  count: number,
  length: number,
): { leaves: Promise<StoredChunk>[]; root: Promise<StoredChunk> } {
  const leaves = Array.from({ length: count }, (_, i) => put(writer, chunk(`leaf ${i}`, length)));
  for (const leaf of leaves) leaf.catch(() => {});
  const root = put(writer, chunk('node', 100, leaves));
  root.catch(() => {});
  return { leaves, root };
}

/** The last segment as it is. */
const NO_FOLD: Pick<IndexEnd, 'older' | 'fold'> = {
  older: [],
  fold: async (listed, newest) => ({ kept: listed.length, bodies: [newest] }),
};

interface Written {
  readonly segments: readonly Uint8Array[];
  readonly added: readonly TreePosition[];
  readonly dropped: readonly UnusedName[];
  readonly newBytes: number;
}

/** A whole run, in the order in which a backup makes its calls. */
async function run(
  { writer, known }: TierFixture,
  count: number,
  length = 8_000,
): Promise<{ written: Written; root: StoredChunk; leaves: StoredChunk[] }> {
  const before = new Set([...known.unused()].map(({ name }) => toHex(name)));
  const upload = writer.upload();
  upload.catch(() => {});
  try {
    const { leaves, root } = putTree(writer, count, length);
    await root;
    await writer.ready();
    await writer.finishChunks();
    await upload;
    const dropped = [...known.unused()];
    const { segments, newBytes } = await writer.finishIndex({ ...NO_FOLD, dropped: dropped.map(({ name }) => name) });
    const added = [...writer.positions].filter(({ name }) => !before.has(toHex(name)));
    const written = { segments: segments.map(({ digest }) => digest), added, dropped, newBytes };
    return { written, root: await root, leaves: await Promise.all(leaves) };
  } finally {
    await writer.stop();
    await Promise.allSettled([upload]);
  }
}

async function read(
  index: IndexMap,
  among: readonly WritableHolder[],
  { name, key }: Reference,
  kind: ChunkKind,
): Promise<ReturnType<typeof decodeChunk>> {
  const place = index.find(name)!;
  const pack =
    'inline' in place.pack
      ? place.pack.inline
      : await new StripeReader(placesOf(among), MASK_KEY).read(place.pack.stripe);
  return decodeChunk(openChunk(kind, pack.subarray(place.offset, place.offset + place.length), key));
}

describe('a tier', () => {
  it('stores what is new, and any k holders give it back', async () => {
    const among = holders(3);
    const tier = makeTier(among);
    const { written, root, leaves } = await run(tier, 300);
    expect(root.fresh).toBe(true);
    const index = indexOf(among[2]!, written.segments);
    expect(index.stripes.length).toBeGreaterThan(1);
    for (const away of among) {
      const left = among.filter((holder) => holder !== away);
      const node = await read(index, left, root.reference, CHUNK_KIND.node);
      expect(node.references.map((reference) => toHex(reference.name))).toEqual(
        leaves.map((leaf) => toHex(leaf.reference.name)),
      );
      for (const i of [0, 150, 299]) {
        expect(toHex((await read(index, left, node.references[i]!, CHUNK_KIND.leaf)).content)).toBe(
          toHex(filler(`leaf ${i}`, 8_000)),
        );
      }
    }
    expect([...written.added]).toHaveLength(301);
    expect(written.dropped).toEqual([]);
    expect(written.newBytes).toBeGreaterThan(300 * 8_000);
    expect(tier.placer.survives).toBe(1);
    const stored = among.reduce(
      (sum, holder) => sum + [...backendOf(holder).objects.values()].reduce((bytes, { length }) => bytes + length, 0),
      0,
    );
    expect(tier.uploads.storedBytes).toBe(stored);
  });

  it('stores nothing the second time', async () => {
    const among = holders(3);
    const first = await run(makeTier(among), 300);
    const before = among.map((holder) => backendOf(holder).objects.size);
    const known = knownChunks(first.written.added);
    const tier = makeTier(among, { known, random: 'second' });
    const { written, root } = await run(tier, 300);
    expect(root).toEqual({ ...first.root, fresh: false });
    expect([written.segments, [...written.added], written.dropped, written.newBytes]).toEqual([[], [], [], 0]);
    expect(tier.uploads.storedBytes).toBe(0);
    expect(among.map((holder) => backendOf(holder).objects.size)).toEqual(before);
    expect([...known.used()]).toHaveLength(301);
  });

  it('stores what changed, and names what is gone', async () => {
    const among = holders(3);
    const first = await run(makeTier(among), 300);
    const { written } = await run(makeTier(among, { known: knownChunks(first.written.added), random: 'second' }), 250);
    // The same leaves but 50, and another node; its content is the same in this test, so it counts as known.
    expect([...written.added]).toHaveLength(0);
    expect(written.dropped).toHaveLength(50);
    const index = indexOf(among[0]!, [...first.written.segments, ...written.segments]);
    expect([...first.written.added].filter((each) => index.isLive(each.name))).toHaveLength(251);
    expect(first.leaves.slice(250).every((leaf) => !index.isLive(leaf.reference.name))).toBe(true);
    expect(index.find(first.leaves[299]!.reference.name)).not.toBeNull();
  });

  it('stores the same content once in a run', async () => {
    const tier = makeTier(holders(3));
    const upload = tier.writer.upload();
    const twice = [put(tier.writer, chunk('same', 900)), put(tier.writer, chunk('same', 900))];
    const [a, b] = await Promise.all(twice);
    const c = await put(tier.writer, chunk('same', 900));
    expect(toHex(a!.reference.name)).toBe(toHex(b!.reference.name));
    expect(c).toEqual(a);
    await tier.writer.finishChunks();
    await upload;
    const [segment] = (await tier.writer.finishIndex({ ...NO_FOLD, dropped: [] })).segments;
    expect(segment!.stripes).toEqual([]);
    expect(new Set([...tier.writer.positions].map(({ name }) => toHex(name))).size).toBe(1);
  });

  it('keeps a small pack in the index', async () => {
    const among = holders(3);
    const { written, root } = await run(makeTier(among), 3, 1000);
    for (const holder of among)
      expect([...backendOf(holder).objects.keys()].every((name) => name.startsWith('index/'))).toBe(true);
    const index = indexOf(among[0]!, written.segments);
    expect(index.stripes).toEqual([]);
    expect((await read(index, [], root.reference, CHUNK_KIND.node)).references).toHaveLength(3);
  });
});

describe('a chunk whose child is lost', () => {
  const losing = async (
    lost: (chunks: TreePosition[]) => TreePosition[],
  ): Promise<{
    first: Awaited<ReturnType<typeof run>>;
    second: Awaited<ReturnType<typeof run>>;
    gone: TreePosition[];
    index: IndexMap;
  }> => {
    const among = holders(3);
    const first = await run(makeTier(among), 20);
    const gone = lost([...first.written.added]);
    const names = new Set(gone.map((each) => toHex(each.name)));
    const known = knownChunks(first.written.added, (name) => !names.has(toHex(name)));
    const second = await run(makeTier(among, { known, random: 'second' }), 20);
    return { first, second, gone, index: indexOf(among[0]!, [...first.written.segments, ...second.written.segments]) };
  };

  it('is stored anew with it, and its old copy is dropped', async () => {
    const { first, second, gone, index } = await losing((chunks) => [chunks[3]!]);
    expect(second.root.fresh).toBe(true);
    expect(second.leaves.map((leaf) => leaf.fresh)).toEqual(Array.from({ length: 20 }, (_, i) => i === 3));
    expect([...second.written.added]).toHaveLength(2);
    expect(second.written.dropped.map((each) => toHex(each.name)).toSorted()).toEqual(
      [toHex(gone[0]!.name), toHex(first.root.reference.name)].toSorted(),
    );
    expect(index.isLive(first.root.reference.name)).toBe(false);
    const node = await read(index, [], second.root.reference, CHUNK_KIND.node);
    expect(toHex(node.references[3]!.name)).toBe(toHex(second.leaves[3]!.reference.name));
    expect(toHex(node.references[4]!.name)).toBe(toHex(first.leaves[4]!.reference.name));
    expect(node.references.every((reference) => index.isLive(reference.name))).toBe(true);
  });

  it('alone is stored anew by itself', async () => {
    const { second } = await losing((chunks) => [chunks.at(-1)!]);
    expect(second.root.fresh).toBe(true);
    expect(second.leaves.some((leaf) => leaf.fresh)).toBe(false);
    expect([...second.written.added]).toHaveLength(1);
  });
});

describe('holders that refuse', () => {
  it('are replaced by a spare, and asked no more', async () => {
    const refusing = holderOf(new RefusingBackend('refusing', 'backend/unavailable'));
    const among = [...holders(3), refusing];
    const tier = makeTier(among);
    const { written } = await run(tier, 600);
    const index = indexOf(among[0]!, written.segments);
    expect(index.stripes.length).toBeGreaterThan(2);
    for (const stripe of index.stripes) expect(stripe.shards.map((shard) => shard.index)).toEqual([0, 1, 2]);
    expect(tier.uploads.refused.map(({ location }) => location)).toEqual(['memory:refusing']);
    expect(tier.uploads.willing).not.toContain(refusing);
    expect(tier.placer.survives).toBe(1);
    expect(backendOf(refusing).objects.size).toBe(0);
    for (const stripe of index.stripes) await new StripeReader(placesOf(among.slice(1)), MASK_KEY).read(stripe);
  });

  it('leave shards out where there is no spare, and less is survived', async () => {
    const among = [...holders(2), holderOf(new RefusingBackend('full', 'backend/full', 1))];
    const tier = makeTier(among);
    const { written } = await run(tier, 600);
    const index = indexOf(among[0]!, written.segments);
    expect(Math.min(...index.stripes.map((stripe) => stripe.shards.length))).toBe(2);
    expect(tier.placer.survives).toBe(0);
    for (const stripe of index.stripes) await new StripeReader(placesOf(among), MASK_KEY).read(stripe);
  });

  test.for([
    ['full', 'backend/full', 'backend/full'],
    ['away', 'backend/unavailable', 'backend/unavailable'],
  ] as const)('too many of them, all %s: an error, and nothing left on disk', async ([, code, expected]) => {
    const among = [...holders(1), ...[1, 2].map((i) => holderOf(new RefusingBackend(`${i}`, code)))];
    const tier = makeTier(among, { spool: { memoryBytes: 1, disk: 2 ** 30 } });
    const error = await rejection(run(tier, 2_000), expected);
    expect(error.context['reasons']).toHaveLength(2);
    expect(tier.spoolFiles.files.size).toBe(0);
    for (const holder of among)
      expect([...backendOf(holder).objects.keys()].some((name) => !name.startsWith('shards/'))).toBe(false);
  });

  it('all of them, when the index is written', async () => {
    const among = holders(3).map((_, i) => holderOf(new RefusingBackend(`${i}`, 'backend/full')));
    await rejection(run(makeTier(among), 1, 100), 'backend/full');
  });

  it('with a fault that is none of a backend end the run with that fault', async () => {
    const among = [...holders(2), holderOf(new RefusingBackend('broken', 'internal/invariant'))];
    await rejection(run(makeTier(among), 600), 'internal/invariant');
  });
});

describe('a run that is stopped', () => {
  it('leaves nothing on disk, and ends its uploads', async () => {
    const among = holders(3);
    const { promise, resolve } = Promise.withResolvers<void>();
    for (const holder of among) {
      const store = holder.backend.put.bind(holder.backend);
      Object.assign(holder.backend, { traits: { ...holder.backend.traits, maxConcurrency: 2 } });
      holder.backend.put = async (...given) => {
        await promise;
        await store(...given);
      };
    }
    const tier = makeTier(among, { spool: { memoryBytes: 1, disk: 2 ** 30 } });
    const upload = tier.writer.upload();
    upload.catch(() => {});
    await putTree(tier.writer, 2_000, 8_000).root;
    await tier.writer.ready();
    expect(tier.spoolFiles.files.size).toBeGreaterThan(3);
    await tier.writer.stop();
    expect(tier.spoolFiles.files.size).toBe(0);
    resolve();
    await rejection(upload, 'cancelled');
    // What was on its way was called back; nothing else was begun.
    expect(backendOf(among[0]!).objects.size).toBe(0);
  });

  it('stops a producer that waits for room', async () => {
    const tier = makeTier(holders(3), { spool: { memoryBytes: 1, disk: 1 } });
    await putTree(tier.writer, 1_000, 8_000).root;
    const waiting = tier.writer.ready();
    waiting.catch(() => {});
    await tier.writer.stop();
    await rejection(waiting, 'cancelled');
    await rejection(tier.writer.finishChunks(), 'cancelled');
  });
});

test('an upload that fails is heard of by the producer', async () => {
  const among = holders(3).map((_, i) => holderOf(new RefusingBackend(`${i}`, 'backend/full')));
  const tier = makeTier(among, { spool: { memoryBytes: 1, disk: 3_000_000 } });
  const upload = tier.writer.upload();
  upload.catch(() => {});
  await putTree(tier.writer, 2_000, 8_000).root;
  await rejection(tier.writer.finishChunks(), 'backend/full');
  await rejection(upload, 'backend/full');
  await tier.writer.stop();
  expect(tier.spoolFiles.files.size).toBe(0);
});
