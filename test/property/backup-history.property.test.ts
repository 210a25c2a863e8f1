import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/core/bytes.ts';
import { uuidText } from '../../src/core/ids.ts';
import type { TreeId } from '../../src/core/ports.ts';
import { keyShape } from '../../src/format/rows/row-key.ts';
import { layoutNamed, TREES } from '../../src/format/tables.ts';
import { contentRootOf } from '../../src/pipeline/read-trees.ts';
import { MemorySubstrate } from '../support/memory-substrate.ts';
import { MemoryVault } from '../support/memory-vault.ts';
import { auditSnapshot } from '../support/snapshot-audit.ts';
import { filler, keyOf } from '../support/tree-fixture.ts';

const slow = process.env['SLOW'] === '1';
const MODELS = ['a', 'b'].map((name) => uuidText(filler(name, 16)));
const TABLES: readonly TreeId[] = [
  { name: 'beliefs' },
  { name: 'belief_versions' },
  { name: 'sources' },
  { name: 'belief_edges' },
  ...MODELS.map((modelId) => ({ name: 'belief_embeddings', modelId })),
];

interface Step {
  readonly table: number;
  readonly kind: 'put' | 'put-many' | 'remove' | 'truncate' | 'large' | 'same-large' | 'model';
  readonly at: number;
}

interface Run {
  readonly tiers: readonly string[];
  readonly fullScan: boolean;
  readonly untrusted: boolean;
  readonly loses: boolean;
}

const step: fc.Arbitrary<Step> = fc.record({
  table: fc.nat(TABLES.length - 1),
  kind: fc.constantFrom(
    ...([
      'put',
      'put',
      'put-many',
      'remove',
      'truncate',
      'same-large',
      'same-large',
      'large',
      'model',
      'model',
    ] as const),
  ),
  at: fc.nat(400),
});
const run: fc.Arbitrary<Run> = fc.record({
  tiers: fc.constantFrom(['hourly'], ['hourly'], ['daily'], ['hourly', 'daily']),
  fullScan: fc.constantFrom(false, false, false, false, true),
  untrusted: fc.constantFrom(false, false, false, false, false, false, true),
  loses: fc.constantFrom(false, false, false, false, false, false, true),
});
const history = fc.array(fc.record({ steps: fc.array(step, { maxLength: 8 }), run }), { minLength: 1, maxLength: 9 });

function apply(substrate: MemorySubstrate, { table, kind, at }: Step): void {
  const tree = TABLES[table]!;
  if (tree.modelId !== undefined && !substrate.models.has(tree.modelId)) return;
  const { keyBytes } = keyShape(layoutNamed(tree.name));
  const keys = substrate.keys(tree);
  const key = keyOf(`${at % 150}`, keyBytes);
  if (kind === 'put') substrate.put(tree, key, `${at}`, 30 + at);
  else if (kind === 'put-many')
    for (let i = 0; i < at; i += 1) substrate.put(tree, keyOf(`${i}`, keyBytes), `${i}`, 120);
  else if (kind === 'remove' && keys.length > 0) substrate.remove(tree, keys[at % keys.length]!);
  else if (kind === 'truncate' && at % 4 === 0) substrate.truncate(tree);
  else if (kind === 'large') substrate.put(tree, key, `large ${at % 3}`, 140_000 + (at % 3) * 200_000);
  else if (kind === 'same-large') substrate.put(tree, key, 'the same everywhere', 300_000);
  else if (kind === 'model') {
    const model = MODELS[at % MODELS.length]!;
    if (substrate.models.has(model) && at % 3 === 0) {
      substrate.truncate({ name: 'belief_embeddings', modelId: model });
      substrate.models.delete(model);
    } else substrate.models.add(model);
  }
}

describe('any history of changes and runs', () => {
  it('gives snapshots that equal a full scan, and the database as it was', async () => {
    await fc.assert(
      fc.asyncProperty(history, fc.nat(), async (rounds, seed) => {
        const substrate = new MemorySubstrate();
        const vault = new MemoryVault(`history ${seed}`, { k: 2, n: 3 });
        const taken: { id: Uint8Array; state: Readonly<Record<string, string>> }[] = [];
        for (const round of rounds) {
          for (const each of round.steps) apply(substrate, each);
          substrate.untrusted = round.run.untrusted;
          if (round.run.loses) loseAShardEverywhere(vault);
          const before = substrate.rowsRead;
          const done = await vault.run(() => substrate.source(), round.run.tiers, { fullScan: round.run.fullScan });
          if (round.steps.length === 0 && done.every(({ scan }) => scan === 'changes')) {
            expect(substrate.rowsRead).toBeGreaterThanOrEqual(before);
          }
          const { contentRoot } = await contentRootOf(substrate.source(), vault.hostKey.secrets);
          for (const { snapshot } of done) {
            expect(toHex(snapshot.summary.contentRoot)).toBe(toHex(contentRoot));
            const state = substrate.state();
            const id = snapshot.manifest.digest;
            expect((await vault.readBack(id)).state).toEqual(state);
            expect(await auditSnapshot(vault, id)).toEqual({ dropped: [], leaked: [] });
            if (!round.run.loses) taken.push({ id: snapshot.manifest.digest, state });
          }
          if (round.run.loses) taken.splice(0);
        }
        for (const { id, state } of taken) expect((await vault.readBack(id)).state).toEqual(state);
      }),
      { seed: 777, numRuns: Number(process.env['RUNS'] ?? (slow ? 2000 : 20)) },
    );
  });
});

/** So much of one stripe is gone that it cannot be rebuilt. */
function loseAShardEverywhere(vault: MemoryVault): void {
  for (const { objects } of vault.backends.slice(0, 2)) {
    const [first] = [...objects.keys()].filter((name) => name.startsWith('shards/')).sort();
    if (first !== undefined) objects.delete(first);
  }
}

it('knows every table', () => {
  expect(TREES).toHaveLength(8);
});
