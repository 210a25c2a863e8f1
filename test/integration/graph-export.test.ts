import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { TREES } from '../../src/format/tables.ts';
import { addEdge, retireEdge } from '../../src/graph/records/edges.ts';
import { retireBelief, setBelief } from '../../src/graph/records/beliefs.ts';
import { addSource, retireSource } from '../../src/graph/records/sources.ts';
import type { Database } from '../../src/schema/database.ts';
import { forEachEngine } from '../support/engines.ts';
import { beliefId, digestOf, exported, fixedMoment, importLines, SAMPLE } from '../support/sample-knowledge.ts';

/** Of SAMPLE imported at the fixed moment: the definition of the digest must not drift, nor differ between engines. */
const SAMPLE_DIGEST = '7b0f7341adb521e4260e36810f89ddde15a7d092aaea4dc761aa603ad9172324';

/** As src/graph/snapshot/digest.ts words it, straight from COPY; each table is small enough for one stream of one piece. */
async function digestByHand(database: Database): Promise<string> {
  const hash = createHash('sha256');
  async function rows(columns: readonly string[], from: string): Promise<void> {
    for await (const piece of database.copyOut(`SELECT ${columns.join(', ')} FROM valence.${from}`)) pieces.push(piece);
    hash.update(Buffer.concat(pieces.splice(0)).subarray(19, -2));
  }
  const pieces: Uint8Array[] = [];
  for (const { name, table, columns, key } of TREES.filter(
    (tree) => !tree.name.endsWith('reverse') && tree.perModel !== true,
  )) {
    hash.update(name);
    await rows(columns, `${table} ORDER BY ${key.map(({ column }) => column).join(', ')}`);
  }
  for (const { id } of await database.kysely.selectFrom('models').select('id').orderBy('id').execute()) {
    hash.update('belief_embeddings').update(id.replaceAll('-', ''), 'hex');
    await rows(['belief_id', 'embedding'], `belief_embeddings WHERE model_id = '${id}' ORDER BY belief_id`);
  }
  return hash.digest('hex');
}

async function withHistory(database: Database): Promise<void> {
  const by = fixedMoment();
  await importLines(database, SAMPLE);
  await setBelief(database, beliefId(1), { content: 'water boils at 99.97 °C', confidence: 0.9 });
  await setBelief(database, beliefId(1), { metadata: { edited: true } });
  await retireBelief(database, beliefId(8));
  const edge = await addEdge(database, { source: beliefId(8), target: beliefId(1), edge_type: 'supports' }, by);
  await retireEdge(database, edge.id, by.clock);
  await addEdge(database, { source: beliefId(8), target: beliefId(1), edge_type: 'supports', weight: 0.3 }, by);
  await addEdge(database, { source: beliefId(8), target: beliefId(2), edge_type: 'supersedes' }, by);
  const source = await addSource(
    database,
    { source_type: 'person', source_id: 'A', title: 'T', metadata: { n: 1 } },
    by.clock,
  );
  await retireSource(database, source.id, by.clock);
}

forEachEngine('export', ({ openMigrated }) => {
  test('plain: importing it and exporting again gives the same lines', async () => {
    const [first, second] = [await openMigrated(), await openMigrated()];
    await importLines(first, SAMPLE);
    const lines = await exported(first, false);
    await importLines(second, lines);
    expect(await exported(second, false)).toEqual(lines);
    expect(lines[0]).toBe(
      `{"id": "${beliefId(1)}", "content": "water boils at 100 °C\\n\\"at sea level\\"\\t\\\\", "confidence": 0.719, "domains": ["physics","naïve"]}`,
    );
    expect(lines[2]).toContain('"metadata": {"a": 1.0, "b": [12345678901234567890, -0.00010], "c": "\\u0001"}');
    expect(lines[3]).toContain('"provenance": [{"source_type": "book", "source_id": "isbn:1"}, {"source_type": "web"');
    expect(lines[9]).toBe(
      `{"source": "${beliefId(1)}", "target": "${beliefId(9)}", "type": "supersedes", "weight": 1}`,
    );
    expect(lines).toHaveLength(14);
  });

  test('full: importing it gives an equal digest, history and all', async () => {
    const [first, second] = [await openMigrated(), await openMigrated()];
    await withHistory(first);
    const lines = await exported(first, true);
    await importLines(second, lines, { clock: { now: () => 0 } });
    expect(await exported(second, true)).toEqual(lines);
    expect(await digestOf(second)).toBe(await digestOf(first));
    expect(lines.filter((line) => line.includes('"version_of"'))).toHaveLength(4);
    expect(lines.filter((line) => line.includes('"retired_at"'))).toHaveLength(2);
  });

  test('the digest of the same import is the same on every engine', async () => {
    const database = await openMigrated();
    await importLines(database, SAMPLE);
    expect(await digestOf(database)).toBe(SAMPLE_DIGEST);
    expect(await digestByHand(database)).toBe(SAMPLE_DIGEST);
    await setBelief(database, beliefId(1), { confidence: 0.72 });
    expect(await digestOf(database)).not.toBe(SAMPLE_DIGEST);
  });
});
