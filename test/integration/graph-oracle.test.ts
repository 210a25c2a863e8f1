import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../src/schema/database.ts';
import { changeWorld } from '../support/oracle/changed-world.ts';
import { openWorld } from '../support/oracle/opened-world.ts';
import type { OpenedWorld } from '../support/oracle/opened-world.ts';
import * as paths from '../support/oracle/path-questions.ts';
import { wrongAnswers } from '../support/oracle/question.ts';
import type { Ask, Asking } from '../support/oracle/question.ts';
import * as reasons from '../support/oracle/reasoning-questions.ts';
import * as walks from '../support/oracle/walk-questions.ts';
import * as whole from '../support/oracle/whole-questions.ts';
import { randomWorld } from '../support/oracle/random-world.ts';
import type { World } from '../support/oracle/world.ts';

/** Every query of the graph, thousands of times, against what docs/decisions/0016-graph-queries.md says in naive code. */

const WORLDS = ['birch', 'cedar'];

const KINDS: readonly (readonly [Ask, number])[] = [
  [walks.neighbors, 150],
  [walks.subgraph, 100],
  [walks.show, 100],
  [paths.shortestPath, 250],
  [paths.bestPaths, 250],
  [reasons.lineage, 120],
  [reasons.supersessions, 80],
  [whole.componentsOf, 25],
  [whole.communitiesOf, 3],
  [whole.ranksOf, 25],
  [whole.cyclesOf, 25],
  [reasons.contradictionsOf, 12],
  [reasons.propagation, 12],
  [reasons.whatIf, 25],
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
  const wrong = await wrongAnswers(ask, asking, times);
  const [first] = wrong;
  expect({ wrong: wrong.length, asked: first?.asked, answer: first?.given }).toEqual({
    wrong: 0,
    asked: first?.asked,
    answer: first?.expected,
  });
}
