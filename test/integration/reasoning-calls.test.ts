import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { openValence } from '../../src/app.ts';
import type { Valence } from '../../src/app.ts';
import { streamInput } from '../../src/graph/lines/import-input.ts';
import { freshDatabase } from '../support/fresh-database.ts';
import { countedEdges, randomBlocks } from '../support/knowledge-blocks.ts';
import { beliefId, failure } from '../support/sample-knowledge.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const BLOCKS = randomBlocks(60, 7);

/** Beliefs that others derive from, from blocks of their own. */
const PREMISES = BLOCKS.flatMap((block) =>
  countedEdges(block, null)
    .filter(({ type, weight }) => type === 'derives_from' && weight >= 0.5)
    .map(({ target }) => block.beliefs[target]!.id)
    .slice(0, 1),
);

/** The library over a home of its own, with a base of 60 random blocks and sources of their own. */
async function filled(engine: string, resources: AsyncDisposableStack): Promise<Valence> {
  const folder = resources.use(await temporaryFolder());
  const database = engine === 'postgres' ? resources.use(await freshDatabase()).url : undefined;
  const valence = resources.use(openValence({ home: join(folder.path, 'home'), database, env: {} }));
  await valence.init();
  const lines = BLOCKS.flatMap((block) => [
    ...block.beliefs.map(({ id, confidence, status, sources }) => ({
      ...{ id, confidence, status, content: `belief ${id}` },
      provenance: sources.map((source) => ({ source_type: 'block', source_id: String(source) })),
    })),
    ...countedEdges(block, null).map(({ id, source, target, type, weight }) => ({
      ...{ id, type, weight, source: block.beliefs[source]!.id, target: block.beliefs[target]!.id },
    })),
  ]);
  const text = lines.map((line) => JSON.stringify(line)).join('\n');
  await valence.import([streamInput('blocks', Readable.from([Buffer.from(text)]))]);
  return valence;
}

describe.each(['pglite', 'postgres'])('reasons from the library (%s)', (engine) => {
  test('a retirement says what falls: as was foretold, and as is found afterwards', async () => {
    await using resources = new AsyncDisposableStack();
    const valence = await filled(engine, resources);
    const state = async (): Promise<Map<string, readonly [boolean, number]>> => {
      const { beliefs } = await valence.graph.propagate({ limit: 100_000, all: true });
      return new Map(beliefs.map(({ id, grounded, strength }) => [id, [grounded, strength] as const]));
    };
    const sources: string[] = [];
    for await (const { id } of valence.source.list()) sources.push(id);
    const retirements = [
      ...PREMISES.slice(0, 8).map((id) => ({ id, retire: () => valence.belief.retire(id) })),
      ...sources.slice(0, 3).map((id) => ({ id, retire: () => valence.source.retire(id) })),
    ];
    let fallen = 0;
    for (const { id, retire } of retirements) {
      const before = await state();
      const foretold = await valence.graph.whatIf([id]);
      const { lost, ...record } = await retire();
      expect(record).toMatchObject({ id });
      expect(lost).toMatchObject({ ungrounded: foretold.lost.ungrounded, weakened: foretold.lost.weakened });
      const after = await state();
      for (const belief of lost!.beliefs) {
        expect([belief.before.grounded, belief.before.strength]).toEqual(before.get(belief.id));
        expect([belief.after.grounded, belief.after.strength]).toEqual(after.get(belief.id));
      }
      const others = [...before].filter(([each]) => each !== id);
      expect(lost!.ungrounded).toBe(others.filter(([each, [is]]) => is && !after.get(each)![0]).length);
      fallen += lost!.beliefs.length;
      // Retired once more nothing falls.
      expect((await retire()).lost).toEqual({ ungrounded: 0, weakened: 0, beliefs: [] });
    }
    expect(fallen).toBeGreaterThan(3);
  });

  test('a lineage is of a belief or of a source, and nothing else', async () => {
    await using resources = new AsyncDisposableStack();
    const valence = await filled(engine, resources);
    let source = '';
    for await (const { id } of valence.source.list()) source = id;
    expect(await valence.graph.beliefOrSource(beliefId(1))).toEqual({ kind: 'belief', id: beliefId(1) });
    expect(await valence.graph.beliefOrSource(source.slice(0, 13))).toEqual({ kind: 'source', id: source });
    const named = await valence.graph.sourceLineage(source, { maxBeliefs: 1 });
    expect(named.beliefs).toHaveLength(1);
    expect(named.named_by).toBeGreaterThanOrEqual(1);
    expect(named.lost.ungrounded + named.lost.weakened).toBeGreaterThanOrEqual(named.lost.beliefs.length);
    expect((await failure(valence.graph.beliefOrSource('ffff'))).code).toBe('graph/not-found');
    expect((await failure(valence.graph.beliefOrSource('0000'))).code).toBe('graph/refused');
    expect((await failure(valence.graph.sourceLineage(beliefId(1)))).code).toBe('graph/not-found');
    expect((await failure(valence.graph.whatIf(['ffff']))).code).toBe('graph/not-found');
    const { contradictions } = await valence.graph.contradictions({ grounds: true });
    expect(contradictions.length).toBeGreaterThan(3);
    expect(contradictions.every(({ grounds }) => grounds !== null && grounds.stopped === null)).toBe(true);
  });
});
