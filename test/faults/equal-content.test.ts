import assert from 'node:assert/strict';
import { test } from 'vitest';
import { uuidText } from '../../src/core/ids.ts';
import type { TreeId } from '../../src/core/ports.ts';
import { keyShape } from '../../src/format/rows/row-key.ts';
import type { BackupOptions } from '../../src/pipeline/backup.ts';
import { layoutNamed } from '../../src/format/tables.ts';
import { MemorySubstrate } from '../support/memory-substrate.ts';
import { MemoryVault } from '../support/memory-vault.ts';
import { auditSnapshot } from '../support/snapshot-audit.ts';
import { filler, keyOf } from '../support/tree-fixture.ts';

/** The same content in two places: two models with equal vectors, empty trees, equal large values. */

const [LOWER, HIGHER] = ['a', 'b'].map((name) => uuidText(filler(name, 16))).sort() as [string, string];
const SOURCES = { name: 'sources' };
const KEY_BYTES = keyShape(layoutNamed('belief_embeddings')).keyBytes;

class Backed {
  readonly substrate: MemorySubstrate = new MemorySubstrate();
  readonly vault: MemoryVault;

  constructor(seed: string) {
    this.vault = new MemoryVault(seed, { k: 2, n: 3 });
  }

  embed(modelId: string, numbers: readonly number[]): void {
    const tree: TreeId = { name: 'belief_embeddings', modelId };
    for (const i of numbers) this.substrate.put(tree, keyOf(`${i}`, KEY_BYTES), `${i}`, 1000);
  }

  /** The snapshot reads back as the substrate is, and its index says live what its trees refer to and nothing else. */
  async run(more: Partial<BackupOptions> = {}): Promise<void> {
    const [done] = await this.vault.run(() => this.substrate.source(), ['main'], more);
    const { digest } = done!.snapshot.manifest;
    assert.deepEqual((await this.vault.readBack(digest)).state, this.substrate.state());
    assert.deepEqual(await auditSnapshot(this.vault, digest), { dropped: [], leaked: [] });
  }

  /** Enough small runs that the index is folded. */
  async goOn(): Promise<void> {
    for (let round = 0; round < 6; round += 1) {
      for (const i of numbers(40))
        this.substrate.put(SOURCES, keyOf(`other ${i} ${round % 2}`, 16), `${round} ${i}`, 800);
      await this.run();
    }
    await this.run({ fullScan: true });
  }
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const ordered = (i: number): Buffer => {
  const key = Buffer.alloc(16, 1);
  key.writeUInt32BE(i + 1);
  return key;
};

test('a model with the vectors of another, which are written again as they were', async () => {
  const backed = new Backed('equal vectors');
  backed.substrate.models.add(HIGHER);
  backed.embed(HIGHER, numbers(50));
  await backed.run();
  backed.substrate.models.add(LOWER);
  backed.embed(LOWER, numbers(50));
  backed.embed(HIGHER, numbers(50));
  await backed.run();
  await backed.goOn();
});

test('models without vectors', async () => {
  const backed = new Backed('no vectors');
  backed.substrate.models.add(HIGHER);
  await backed.run();
  backed.substrate.models.add(LOWER);
  backed.embed(HIGHER, [1]);
  backed.substrate.remove({ name: 'belief_embeddings', modelId: HIGHER }, keyOf('1', KEY_BYTES).toString('hex'));
  await backed.run();
  backed.embed(LOWER, [1]);
  await backed.run();
  await backed.goOn();
});

test('a large value that two rows have, one of them from before', async () => {
  const backed = new Backed('equal values');
  const put = (i: number, value: string, length: number): void =>
    backed.substrate.put(SOURCES, ordered(i), value, length);
  for (const i of numbers(600)) put(i * 10, `${i}`, 1000);
  await backed.run();
  put(5905, 'the same', 300_000);
  await backed.run();
  put(5, 'the same', 300_000);
  for (const i of numbers(140)) put(i * 40, `new ${i}`, 1000);
  put(5905, 'the same', 300_000);
  await backed.run();
  await backed.goOn();
});

test('a large value that was stored twice, of which one copy is lost', async () => {
  const backed = new Backed('lost copy');
  const shards = (): string[] =>
    [...backed.vault.backends[0]!.objects.keys()].filter((name) => name.startsWith('shards/'));
  backed.substrate.put(SOURCES, ordered(1), 'the same', 300_000);
  await backed.run();
  const first = shards();
  backed.substrate.put(SOURCES, ordered(500), 'the same', 300_000);
  await backed.run();
  const second = new Set(shards().filter((name) => !first.includes(name)));
  for (const { objects } of backed.vault.backends)
    for (const name of objects.keys()) if (second.has(name)) objects.delete(name);
  const lost = backed.vault.backends.map(({ objects }) =>
    [...objects.keys()].filter((name) => name.startsWith('shards/')),
  );
  for (const [i, names] of lost.entries()) {
    if (i > 0) for (const name of names.slice(1)) backed.vault.backends[i]!.objects.delete(name);
  }
  await backed.run();
  await backed.goOn();
});
