import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../src/schema/database.ts';
import { changeWorld } from '../support/oracle/changed-world.ts';
import { openWorld } from '../support/oracle/opened-world.ts';
import type { OpenedWorld } from '../support/oracle/opened-world.ts';
import * as questions from '../support/oracle/questions.ts';
import type { Ask, Asking } from '../support/oracle/questions.ts';
import { randomWorld } from '../support/oracle/random-world.ts';
import type { World } from '../support/oracle/world.ts';

/** Every query of the graph, thousands of times, against what docs/decisions/0016-graph-queries.md says in naive code. */

const WORLDS = ['birch', 'cedar'];

const KINDS: readonly (readonly [Ask, number])[] = [
  [questions.neighbors, 150],
  [questions.subgraph, 100],
  [questions.show, 100],
  [questions.shortestPath, 250],
  [questions.bestPaths, 250],
  [questions.lineage, 120],
  [questions.supersessions, 80],
  [questions.componentsOf, 25],
  [questions.communitiesOf, 3],
  [questions.ranksOf, 25],
  [questions.cyclesOf, 25],
  [questions.contradictionsOf, 12],
  [questions.propagation, 12],
  [questions.whatIf, 25],
];

describe.each<Engine>(['pglite', 'postgres'])('graph queries against brute force (%s)', (engine) => {
  describe.each(WORLDS)('in the world %s', (seed) => {
    const world: World = randomWorld(seed);
    let opened: OpenedWorld;

    beforeAll(async () => {
      opened = await openWorld(world, engine);
    });

    afterAll(async () => {
      await opened[Symbol.asyncDispose]();
    });

    it('all of it is stored as it was made', async () => {
      const stored = await Array.fromAsync(opened.valence.belief.list());
      const made = world.beliefs.map(({ id, status, confidence }) => `${id} ${status} ${confidence}`);
      expect(stored.map(({ id, status, confidence }) => `${id} ${status} ${confidence}`).sort()).toEqual(made.sort());
    });

    it.for(KINDS.map(([ask, times]) => [ask.name, times, ask] as const))('%s, %i times', async ([, times, ask]) => {
      await answersAll(ask, { world, valence: opened.valence }, times);
    });

    it('all of them again, a few times, after it was changed', async () => {
      const changed = await changeWorld(world, opened.valence);
      for (const [ask, times] of KINDS) {
        await answersAll(ask, { world: changed, valence: opened.valence }, Math.ceil(times / 10));
      }
    });
  });
});

async function answersAll(ask: Ask, asking: Omit<Asking, 'draw'>, times: number): Promise<void> {
  const wrong = await questions.wrongAnswers(ask, asking, times);
  const [first] = wrong;
  expect({ wrong: wrong.length, asked: first?.asked, answer: first?.given }).toEqual({
    wrong: 0,
    asked: first?.asked,
    answer: first?.expected,
  });
}
