import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { beliefText, expectedPart, readPart, storeGraph } from '../support/stored-graph.ts';
import type { Graph, GraphEdge } from '../support/stored-graph.ts';

const slow = process.env['SLOW'] === '1';
const runs = { seed: 81, numRuns: slow ? 500 : 40 };

/** Numbers of beliefs; those from 40 on are never held, so that rows of them refer to nothing. */
const belief = fc.nat(43);
const edge = fc
  .record({ source: belief, target: belief, type: fc.constantFrom('supports', 'contradicts', 'derives_from') })
  .filter(({ source, target }) => source !== target);
const edgeId = ({ source, target, type }: GraphEdge): string => `${source} ${type} ${target}`;
const pairs = (a: number, b: number): fc.Arbitrary<[number, number][]> =>
  fc.uniqueArray(fc.tuple(fc.nat(a), fc.nat(b)), { maxLength: 60, selector: String });

const graph: fc.Arbitrary<Graph> = fc.record({
  beliefs: fc.uniqueArray(fc.nat(39), { minLength: 1, maxLength: 40 }),
  edges: fc.uniqueArray(edge, { maxLength: 70, selector: edgeId }),
  versions: fc.uniqueArray(fc.tuple(belief, fc.integer({ min: 1, max: 4 })), { maxLength: 20, selector: ([of]) => of }),
  sources: fc.uniqueArray(fc.nat(9), { maxLength: 10 }),
  beliefSources: pairs(43, 12),
  models: fc.uniqueArray(fc.nat(2), { maxLength: 3 }),
  embeddings: pairs(2, 43),
  // Leaves of many rows, of a few, and of one.
  rowBytes: fc.constantFrom(20, 1_500, 20_000),
  embeddingBytes: fc.constantFrom(64, 60_000),
});

describe('a part of a snapshot', () => {
  it('has the rows that a search of every edge finds', async () => {
    await fc.assert(
      fc.asyncProperty(graph, fc.nat(4), fc.infiniteStream(fc.nat()), async (made, hops, choice) => {
        const asked = [...choice.take(3)].map((number) => made.beliefs[number % made.beliefs.length]!);
        const stored = await storeGraph(made);
        const part = await stored.open({ beliefs: asked.map(beliefText), hops });
        const expected = expectedPart(made, asked, hops);
        expect(await readPart(part)).toEqual(expected);
        expect(part.beliefs).toBe(expected[0]!.rows.length);
        const counts = await part.counts();
        for (const { id } of expected) {
          const rows = expected.filter((tree) => tree.id.name === id.name).flatMap((tree) => tree.rows);
          expect(counts[id.name]).toBe(rows.length);
        }
        expect(await readPart(part), 'read again').toEqual(expected);
      }),
      runs,
    );
  });

  it('has them whichever n - k holders lost or changed everything', async () => {
    await fc.assert(
      fc.asyncProperty(graph, fc.nat(4), fc.boolean(), async (made, which, lost) => {
        const stored = await storeGraph(made, { k: 4, n: 5 });
        const { objects } = stored.among[which]!.backend as unknown as { objects: Map<string, Uint8Array> };
        if (lost) objects.clear();
        else
          for (const [name, bytes] of objects)
            objects.set(
              name,
              bytes.map((byte) => byte ^ 1),
            );
        const asked = made.beliefs.slice(0, 2);
        const part = await stored.open({ beliefs: asked.map(beliefText), hops: 2 });
        expect(await readPart(part)).toEqual(expectedPart(made, asked, 2));
      }),
      { ...runs, numRuns: slow ? 200 : 15 },
    );
  });
});
