import { beforeAll, describe, expect, it, test } from 'vitest';
import type { SnapshotSink, SnapshotSource, TreeId } from '../../src/core/ports.ts';
import { silentProgress } from '../../src/core/progress.ts';
import { TREES } from '../../src/format/tables.ts';
import type { TreeName } from '../../src/format/tables.ts';
import type { StoredGraph, Graph } from '../support/stored-graph.ts';
import { beliefText, expectedPart, readPart, storeGraph } from '../support/stored-graph.ts';
import { rejection } from '../support/expect-code.ts';
import { ArchiveBackend } from '../support/archive-backend.ts';
import { FakeTimer } from '../support/fake-timer.ts';
import { backendOf, holderOf } from '../support/tier-fixture.ts';
import { layout, piecesOf, readBatches, tuplesOf } from '../support/tree-fixture.ts';
import { copyStream } from '../vectors/copy-rows.ts';

const numbers = (count: number, from = 2): number[] => Array.from({ length: count }, (_, i) => i + from);

/** 2,000 beliefs in a ring with chords, a source for ten, a version for a third, embeddings of 384 dimensions. */
const BELIEFS = numbers(2_000);
const LARGE: Graph = {
  beliefs: BELIEFS,
  edges: BELIEFS.flatMap((source, i) => [
    { source, target: BELIEFS[(i + 1) % BELIEFS.length]!, type: 'supports' },
    ...(i % 3 === 0 ? [{ source, target: BELIEFS[(i * 7 + 500) % BELIEFS.length]!, type: 'derives_from' }] : []),
  ]),
  versions: BELIEFS.filter((number) => number % 3 === 0).map((number) => [number, 1] as const),
  sources: numbers(300, 10_000),
  beliefSources: BELIEFS.map((number, i) => [number, 10_000 + (i % 300)] as const),
  models: [50_000],
  embeddings: BELIEFS.map((number) => [50_000, number] as const),
  rowBytes: 150,
  embeddingBytes: 1_540,
};

/** A hub with edges to and from very many, and five others that know each other. */
const SPOKES = numbers(6_000, 100);
const HUB: Graph = {
  beliefs: [...numbers(10), ...SPOKES],
  edges: [
    ...SPOKES.map((other, i) =>
      i % 2 === 0 ? { source: 2, target: other, type: 'supports' } : { source: other, target: 2, type: 'derives_from' },
    ),
    { source: 3, target: 4, type: 'supports' },
    { source: 4, target: 2, type: 'supports' },
    { source: 2, target: 5, type: 'derives_from' },
  ],
};

function sealedInAll({ chunks }: StoredGraph): number {
  return chunks.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Sealed bytes of a leaf of a tree and of the nodes above it, at most. */
function pathBytes({ chunks, trees }: StoredGraph, name: string): number {
  const { code } = layout(name as TreeName);
  const { level } = trees.find(({ summary }) => summary.code === code)!.summary;
  const longest = Array.from({ length: level + 1 }, (_, of) =>
    Math.max(...chunks.filter((chunk) => chunk.tree === code && chunk.level === of).map(({ bytes }) => bytes)),
  );
  return longest.reduce((sum, bytes) => sum + bytes, 0);
}

describe('a part of a snapshot of some thousand rows', () => {
  let stored: StoredGraph;
  beforeAll(async () => {
    stored = await storeGraph(LARGE, { k: 3, n: 5, packBytes: 350_000 });
  });

  test.for([
    [1, 0],
    [1, 1],
    [1, 3],
    [20, 1],
    [3, 40],
  ] as const)(
    'from %d beliefs over %d hops is read as twice its bytes and a path a row, at most',
    async ([count, hops]) => {
      const asked = BELIEFS.filter((_, i) => i % 137 === 5).slice(0, count);
      const part = await stored.open({ beliefs: asked.map(beliefText), hops });
      const expected = expectedPart(LARGE, asked, hops);
      expect(await part.counts()).toMatchObject({ beliefs: expected[0]!.rows.length });
      expect(await readPart(part)).toEqual(expected);
      const beliefs = part.beliefs;
      let limit = 0;
      for (const { id, rows } of expected) {
        const bytes = rows.reduce((sum, row) => sum + row.length / 2, 0);
        // Where a belief has no row, a path shows it.
        limit += 2 * bytes + Math.max(rows.length, beliefs) * pathBytes(stored, id.name);
      }
      expect(part.bytesRead).toBeLessThanOrEqual(Math.min(limit, sealedInAll(stored)));
    },
  );

  it('is read once, however often it is asked for', async () => {
    const part = await stored.open({ beliefs: [beliefText(700)], hops: 2 });
    await readPart(part);
    const once = part.bytesRead;
    await part.counts();
    await readPart(part);
    expect(part.bytesRead).toBe(once);
  });

  it('is restored though stripes that it does not need are lost', async () => {
    const open = (): ReturnType<StoredGraph['open']> => stored.open({ beliefs: [beliefText(700)], hops: 1 });
    const asked = new Set<string>();
    for (const { backend } of stored.among) {
      const get = backend.get.bind(backend);
      backend.get = (name, options) => {
        asked.add(name);
        return get(name, options);
      };
    }
    const rows = await readPart(await open());
    let removed = 0;
    for (const { objects } of stored.among.map(backendOf)) {
      for (const name of objects.keys()) if (!asked.has(name) && objects.delete(name)) removed += 1;
    }
    expect(removed).toBeGreaterThan(10);
    expect(await readPart(await open())).toEqual(rows);
  });
});

describe('beside a belief with very many edges', () => {
  let stored: StoredGraph;
  beforeAll(async () => {
    stored = await storeGraph(HUB);
  });

  it('its neighbours are restored without reading them', async () => {
    for (const [asked, hops] of [
      [[3], 1],
      [[4, 5], 1],
      [[2, 3, 4, 5], 0],
    ] as const) {
      const part = await stored.open({ beliefs: asked.map(beliefText), hops });
      expect(await readPart(part)).toEqual(expectedPart(HUB, asked, hops));
      if (hops === 0) expect(part.bytesRead).toBeLessThan(sealedInAll(stored) / 10);
    }
  });

  it('all of them are read where they are wanted, each chunk once', async () => {
    const part = await stored.open({ beliefs: [beliefText(3)], hops: 3 });
    expect(part.beliefs).toBe(SPOKES.length + 4);
    expect((await part.counts())['belief_edges']).toBe(HUB.edges.length);
    expect(part.bytesRead).toBeLessThanOrEqual(sealedInAll(stored));
  });
});

describe('a part of what lies in an archive', () => {
  const part = { beliefs: [beliefText(700)], hops: 1 };
  const graph = { ...LARGE, rowBytes: 400 };
  const archived = (times: number): Promise<StoredGraph> =>
    storeGraph(
      graph,
      { k: 3, n: 5, packBytes: 350_000 },
      [0, 1, 2, 3, 4].map((i) => holderOf(new ArchiveBackend(`cold ${i}`, times))),
    );

  it('is asked for with all of the snapshot, since each chunk tells only then of the next', async () => {
    const stored = await archived(Infinity);
    const how = { wait: false, progress: silentProgress };
    const error = await rejection(stored.open({ ...part, archived: how }), 'backend/archived');
    expect(error.context['total']).toBe(3 * stored.index.liveStripes().length);
    expect(stored.index.liveStripes().length).toBeGreaterThan(3);
  });

  it('is waited for once if that is wanted', async () => {
    const stored = await archived(4);
    const timer = new FakeTimer();
    const opened = await timer.until(
      stored.open({ ...part, archived: { wait: true, progress: silentProgress, timer } }),
    );
    const waited = timer.elapsed();
    expect(await readPart(opened)).toEqual(expectedPart(graph, [700], 1));
    expect([waited > 60_000, timer.elapsed() - waited]).toEqual([true, 0]);
  });
});

describe('a part', () => {
  const edges = [
    { source: 2, target: 3, type: 'supports' },
    { source: 4, target: 3, type: 'contradicts' },
    { source: 4, target: 5, type: 'supersedes' },
  ];
  const small: Graph = { beliefs: [2, 3, 4, 5, 0, 1], edges, models: [7, 8], embeddings: [[7, 3]] };

  it('goes over edges in either direction, hop by hop', async () => {
    const stored = await storeGraph(small);
    const beliefs = async (hops: number): Promise<number> =>
      (await stored.open({ beliefs: [beliefText(2)], hops })).beliefs;
    expect(await Promise.all([0, 1, 2, 3, 4, 1_000].map(beliefs))).toEqual([1, 2, 3, 4, 4, 4]);
  });

  it('has every tree but the reverse one, and every model', async () => {
    const stored = await storeGraph(small);
    const part = await stored.open({ beliefs: [beliefText(0), beliefText(1)], hops: 1 });
    expect(part.trees).toEqual(expectedPart(small, [0, 1], 1).map(({ id }) => id));
    expect(await part.counts()).toEqual({
      beliefs: 2,
      belief_versions: 0,
      sources: 0,
      belief_sources: 0,
      belief_edges: 0,
      models: 2,
      belief_embeddings: 0,
    });
  });

  it('takes an id in capitals and one given twice', async () => {
    const stored = await storeGraph(small);
    const part = await stored.open({ beliefs: [beliefText(2), beliefText(2).toUpperCase()], hops: 0 });
    expect(part.beliefs).toBe(1);
  });

  it('refuses ids that the snapshot does not hold, and names them', async () => {
    const stored = await storeGraph(small);
    const wrong = [90, 91, 92, 93, 94].map(beliefText).toSorted();
    const error = await rejection(stored.open({ beliefs: [...wrong, beliefText(2)], hops: 1 }), 'usage/invalid');
    expect(error.context).toEqual({ missing: wrong });
    expect(error.message).toContain(wrong[2]);
    await rejection(stored.open({ beliefs: [beliefText(2).slice(0, 8)], hops: 1 }), 'usage/invalid');
    const empty = await storeGraph({ beliefs: [], edges: [] });
    await rejection(empty.open({ beliefs: [beliefText(2)], hops: 1 }), 'usage/invalid');
  });

  it('with large values reads those of its own beliefs alone', async () => {
    const graph = { ...small, contentBytes: new Map([2, 3, 4, 5].map((number) => [number, 700_000])) };
    const stored = await storeGraph(graph, { k: 3, n: 5 });
    const part = await stored.open({ beliefs: [beliefText(4)], hops: 0 });
    await part.counts();
    expect(part.bytesRead).toBeLessThan(50_000);
    expect(await readPart(part)).toEqual(expectedPart(graph, [4], 0));
    expect(part.bytesRead).toBeGreaterThan(700_000);
    expect(part.bytesRead).toBeLessThan(800_000);
  });

  it('stops when it is told to', async () => {
    const stored = await storeGraph(small);
    const aborting = new AbortController();
    const part = await stored.open({ beliefs: [beliefText(2)], hops: 1 }, aborting.signal);
    aborting.abort(new Error('enough'));
    await expect(readPart(part)).rejects.toThrow('enough');
  });

  it('needs a tree of every table', async () => {
    const stored = await storeGraph(small);
    (stored.trees as unknown[]).pop();
    (stored.trees as unknown[]).splice(4, 2);
    await rejection(stored.open({ beliefs: [beliefText(2)], hops: 1 }), 'format/malformed');
  });
});

/** Keeps what it is given; `spoil` changes a row of what it then says it has. */
function memorySink(
  spoil: (row: string, tree: TreeId) => string[] = (row) => [row],
): SnapshotSink & { loaded: string[] } {
  const kept = new Map<string, string[]>();
  const loaded: string[] = [];
  const idOf = ({ name, modelId }: TreeId): string => `${name} ${modelId ?? ''}`;
  const written = {
    async *rows(tree: TreeId) {
      const rows = (kept.get(idOf(tree)) ?? [])
        .flatMap((row) => spoil(row, tree))
        .map((row) => Buffer.from(row, 'hex'));
      // Several streams end to end, as an engine gives them that takes a table in ranges.
      const half = rows.length >> 1;
      yield* piecesOf(Buffer.concat([copyStream(rows.slice(0, half)), copyStream(rows.slice(half))]), [50]);
    },
  } as Partial<SnapshotSource> as SnapshotSource;
  return {
    loaded,
    written,
    async load(tree, copy) {
      const rows = tuplesOf(readBatches(layout(tree.name as TreeName), await Array.fromAsync(copy)));
      kept.set(idOf(tree), rows);
      loaded.push(tree.name);
      return rows.length;
    },
    settle: () => Promise.resolve({ orphanEdges: [] }),
  };
}

describe('loading a part', () => {
  const graph: Graph = {
    beliefs: numbers(50),
    edges: numbers(49).map((source) => ({ source, target: source + 1, type: 'supports' })),
    models: [70, 71],
    embeddings: numbers(50).map((number) => [70, number] as const),
  };

  it('hands every tree to the sink in order, and counts its rows', async () => {
    const stored = await storeGraph(graph);
    const part = await stored.open({ beliefs: [beliefText(20)], hops: 3 });
    const sink = memorySink();
    const restored = await part.load(sink, silentProgress);
    expect(restored).toEqual({ orphanEdges: [], problems: [], counts: await part.counts() });
    expect(restored.counts).toMatchObject({ beliefs: 7, belief_edges: 6, models: 2, belief_embeddings: 7 });
    const order = TREES.flatMap(({ name, derived, perModel }) => (derived ? [] : perModel ? [name, name] : [name]));
    expect(sink.loaded).toEqual(order);
  });

  test.for([
    ['lost', () => []],
    ['doubled', (row: string) => [row, row]],
    ['changed', (row: string) => [`${row.slice(0, -2)}${row.endsWith('00') ? '01' : '00'}`]],
  ] as const)('fails when a row was %s', async ([, spoil]) => {
    const stored = await storeGraph(graph);
    const part = await stored.open({ beliefs: [beliefText(20)], hops: 3 });
    for (const name of ['beliefs', 'belief_edges', 'models', 'belief_embeddings']) {
      let spoilt = false;
      const sink = memorySink((row, tree) => {
        if (spoilt || tree.name !== name) return [row];
        spoilt = true;
        return spoil(row);
      });
      const error = await rejection(part.load(sink, silentProgress), 'integrity/authentication-failed');
      expect(error.message).toContain(name);
    }
  });

  it('fails when the sink says that it took fewer rows', async () => {
    const stored = await storeGraph(graph);
    const part = await stored.open({ beliefs: [beliefText(20)], hops: 3 });
    const sink = memorySink();
    const load = sink.load.bind(sink);
    sink.load = async (tree, copy) => (await load(tree, copy)) - 1;
    await rejection(part.load(sink, silentProgress), 'integrity/authentication-failed');
  });

  it('says which shards were damaged', async () => {
    const stored = await storeGraph(graph);
    const { objects } = backendOf(stored.among[0]!);
    for (const [name, bytes] of objects)
      objects.set(
        name,
        bytes.map((byte) => byte ^ 1),
      );
    const part = await stored.open({ beliefs: [beliefText(20)], hops: 3 });
    const { problems } = await part.load(memorySink(), silentProgress);
    expect(problems.map(({ location, kind }) => [location, kind])).toContainEqual(['memory:backend 0', 'corrupt']);
  });
});
