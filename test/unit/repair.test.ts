import { describe, expect, it } from 'vitest';
import { MemoryBackend } from '../support/memory-backend.ts';
import { MemorySubstrate } from '../support/memory-substrate.ts';
import { MemoryVault } from '../support/memory-vault.ts';
import { repairVault } from '../support/repairing.ts';
import { keyOf } from '../support/tree-fixture.ts';

const TABLE = { name: 'beliefs' };

interface Taken {
  readonly id: Uint8Array;
  readonly state: Readonly<Record<string, string>>;
}

interface Fixture {
  readonly vault: MemoryVault;
  readonly substrate: MemorySubstrate;
  readonly taken: Taken[];
}

async function take({ vault, substrate, taken }: Fixture): Promise<void> {
  const [done] = await vault.run(() => substrate.source(), ['main']);
  taken.push({ id: done!.snapshot.manifest.digest, state: substrate.state() });
}

/** Three snapshots that share stripes. */
async function build(seed: string, profile = { k: 3, n: 5 }): Promise<Fixture> {
  const fixture = { vault: new MemoryVault(seed, profile), substrate: new MemorySubstrate(), taken: [] };
  for (let round = 0; round < 3; round += 1) {
    fixture.substrate.put(TABLE, keyOf(`${round}`, 16), `round ${round}`, 90_000 + 20_000 * round);
    await take(fixture);
  }
  return fixture;
}

async function expectAll({ vault, taken }: Fixture): Promise<void> {
  for (const { id, state } of taken) expect((await vault.readBack(id)).state).toEqual(state);
}

describe('a repair', () => {
  it('brings back what two places have lost, so that any two others may be lost', async () => {
    const fixture = await build('destroyed');
    const { vault } = fixture;
    const pairs = [0, 1, 2, 3, 4].flatMap((a) => [0, 1, 2, 3, 4].filter((b) => b > a).map((b) => [a, b]));
    for (const [a, b] of pairs) {
      for (const place of [a!, b!]) vault.backends[place] = new MemoryBackend(`${place} after ${a} and ${b}`);
      const report = await repairVault(vault, { seed: `repair ${a} ${b}` });
      expect(report).toMatchObject({ status: 'ok', lacking: 0, lost: [], survives: 2 });
      await expectAll(fixture);
    }
  });

  it('does nothing where nothing lacks', async () => {
    const { vault } = await build('whole');
    const before = vault.backends.map(({ objects }) => new Map(objects));
    expect(await repairVault(vault, { data: true })).toMatchObject({
      status: 'ok',
      shards: 0,
      records: 0,
      storedBytes: 0,
    });
    expect(vault.backends.map(({ objects }) => objects)).toEqual(before);
  });
});
