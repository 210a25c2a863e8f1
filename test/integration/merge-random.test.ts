import { expect, test } from 'vitest';
import type { Database } from '../../src/schema/database.ts';
import { testEngine } from '../support/engines.ts';
import { merge, rowsOf } from '../support/merging.ts';
import { beliefId, digestOf } from '../support/sample-knowledge.ts';
import { seededRandom } from '../support/seeded-random.ts';

/** Two bases that share few ids and keys, so that everything clashes with everything. */

const ROUNDS = 12;
const CHANGES = 30;
const BELIEFS: readonly number[] = [1, 2, 3, 4, 5, 6];

const { openMigrated } = testEngine('pglite');

type Pick = <T>(values: readonly T[]) => T;

function change(pick: Pick): string {
  const belief = (): string => `'${beliefId(pick(BELIEFS))}'`;
  const [source, model] = [`'${beliefId(pick([601, 602, 603]))}'`, `'${beliefId(pick([801, 802, 803]))}'`];
  const [edge, type] = [
    `'${beliefId(pick([901, 902, 903, 904, 905, 906]))}'`,
    pick(['supersedes', 'supersedes', 'supports']),
  ];
  const retired = pick(['NULL', 'NULL', `'2026-01-01'`]);
  const status = pick(['active', 'active', 'active', 'superseded', 'archived']);
  const [name, text, fraction] = [pick(['a', 'b', 'c']), pick(['x', 'y']), pick([0.25, 0.5])];
  return pick([
    `INSERT INTO valence.beliefs (id, content, status) VALUES (${belief()}, '${text}', '${status}')`,
    `UPDATE valence.beliefs SET content = '${text}', status = '${status}' WHERE id = ${belief()}`,
    `INSERT INTO valence.sources (id, type, external_id) VALUES (${source}, 'book', '${name}')`,
    `UPDATE valence.sources SET title = '${text}', external_id = '${name}' WHERE id = ${source}`,
    `INSERT INTO valence.belief_sources (belief_id, source_id) VALUES (${belief()}, ${source})`,
    `INSERT INTO valence.models (id, name, dimensions) VALUES (${model}, '${name}', ${pick([2, 2, 3])})`,
    `UPDATE valence.models SET name = '${name}' WHERE id = ${model}`,
    `INSERT INTO valence.belief_embeddings (belief_id, model_id, embedding)
       SELECT ${belief()}, id, array_fill(${fraction}, ARRAY[dimensions])::vector FROM valence.models WHERE id = ${model}`,
    `INSERT INTO valence.belief_edges (id, source_id, target_id, type, weight, retired_at)
       VALUES (${edge}, ${belief()}, ${belief()}, '${type}', ${fraction}, ${retired})`,
    `INSERT INTO valence.belief_edges (id, source_id, target_id, type, weight, retired_at)
       VALUES (${edge}, ${belief()}, ${belief()}, '${type}', ${fraction}, ${retired})`,
    `UPDATE valence.belief_edges SET retired_at = ${retired}, weight = ${fraction} WHERE id = ${edge}`,
    `DELETE FROM valence.belief_edges WHERE id = ${edge}`,
  ]);
}

/** What the rules of the graph refuse is not done. */
async function scramble(database: Database, pick: Pick): Promise<void> {
  await database.execute('TRUNCATE valence.beliefs, valence.sources, valence.models CASCADE');
  for (const number of BELIEFS) {
    if (pick([true, true, false]))
      await database.execute(`INSERT INTO valence.beliefs (id, content) VALUES ('${beliefId(number)}', 'x')`);
  }
  for (let i = 0; i < CHANGES; i += 1) await database.execute(change(pick)).catch(() => undefined);
}

test(
  'a merge of anything into anything does what it said, and then has nothing to do',
  { timeout: 300_000 },
  async () => {
    const [from, into] = [await openMigrated(), await openMigrated()];
    let [overwritten, barred, superseded] = [0, 0, 0];
    for (let round = 0; round < ROUNDS; round += 1) {
      const random = seededRandom(`merge ${round}`);
      const pick: Pick = (values) => values[random.bytes(1)[0]! % values.length]!;
      await scramble(from, pick);
      await scramble(into, pick);
      const rows = await rowsOf(from);
      for (const overwrite of [false, true]) {
        const label = `round ${round}, overwrite ${overwrite}`;
        const before = await digestOf(into);
        const { plan } = await merge(into, rows, { overwrite });
        expect((await digestOf(into)) === before, label).toBe(plan.nothingToDo);
        expect((await merge(into, rows, { overwrite })).plan.nothingToDo, label).toBe(true);
        overwritten += plan.conflicts.filter(({ outcome }) => outcome === 'overwritten').length;
        barred += plan.conflicts.filter(({ reason }) => reason !== null).length;
        superseded += plan.superseded.length;
      }
    }
    const seen = { overwritten, barred, superseded };
    expect(Math.min(...Object.values(seen)), JSON.stringify(seen)).toBeGreaterThan(2);
  },
);
