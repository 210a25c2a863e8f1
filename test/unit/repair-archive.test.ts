import { describe, expect, it } from 'vitest';
import { backendError } from '../../src/backends/backend-error.ts';
import type { Backend } from '../../src/backends/backend.ts';
import { silentProgress } from '../../src/core/progress.ts';
import { FakeTimer } from '../support/fake-timer.ts';
import { hookedBackend } from '../support/hooked-backend.ts';
import { MemoryBackend } from '../support/memory-backend.ts';
import { MemorySubstrate } from '../support/memory-substrate.ts';
import { MemoryVault } from '../support/memory-vault.ts';
import { repairVault } from '../support/repairing.ts';
import { keyOf } from '../support/tree-fixture.ts';

const TABLE = { name: 'beliefs' };

interface Cold {
  readonly vault: MemoryVault;
  /** The vault's backends, the last ones archives that give a shard back after it was asked for so many times. */
  readonly backends: readonly Backend[];
  /** How often each shard was asked for there. */
  readonly asked: ReadonlyMap<string, number>;
  readonly stripes: number;
}

async function archived(seed: string, cold: number, times: number): Promise<Cold> {
  const vault = new MemoryVault(seed);
  const substrate = new MemorySubstrate();
  for (let row = 0; row < 8; row += 1) substrate.put(TABLE, keyOf(`${row}`, 16), `row ${row}`, 500_000);
  await vault.run(() => substrate.source(), ['main']);
  const asked = new Map<string, number>();
  const backends = vault.backends.map((backend, i) =>
    i < vault.backends.length - cold
      ? backend
      : hookedBackend(backend, {
          before: ({ operation, name }) => {
            if (operation !== 'get' || !name.startsWith('shards/')) return;
            asked.set(name, (asked.get(name) ?? 0) + 1);
            if (asked.get(name)! <= times)
              throw backendError('backend/archived', { backend: 'archive', operation, object: name }, 'not yet');
          },
        }),
  );
  const { stripes } = await repairVault(vault);
  return { vault, backends, asked, stripes };
}

function empty({ vault, backends }: Cold, place: number): Backend[] {
  vault.backends[place]!.objects.clear();
  return backends.toSpliced(place, 1, new MemoryBackend(`in place of ${place}`));
}

describe('a repair beside an archive', () => {
  it('asks for nothing there where enough other shards are at hand', async () => {
    const cold = await archived('enough', 1, Infinity);
    expect(await repairVault(cold.vault, { onto: empty(cold, 0) })).toMatchObject({ status: 'ok', archived: 0 });
    // But for a few that show that it is one.
    expect(cold.asked.size).toBeLessThanOrEqual(5);
  });

  it('asks for as many shards as it needs, loses nothing, and goes on when they are back', async () => {
    const cold = await archived('asked', 3, 2);
    const onto = empty(cold, 0);
    const first = await repairVault(cold.vault, { onto });
    expect(first).toMatchObject({ status: 'degraded', lost: [], survives: 1, shards: 0, archived: cold.stripes });
    expect(first.notes).toEqual([expect.stringContaining('can be repaired only from an archive: asked for')]);
    for (let i = 0; i < 3; i += 1) await repairVault(cold.vault, { onto });
    expect(await repairVault(cold.vault, { onto })).toMatchObject({ status: 'ok', archived: 0, survives: 2 });
  });

  it('waits for them if that is wanted', async () => {
    const cold = await archived('waits', 4, 5);
    const timer = new FakeTimer();
    const how = { wait: true, progress: silentProgress, timer };
    const report = await timer.until(repairVault(cold.vault, { onto: empty(cold, 0), archived: how }));
    expect(report).toMatchObject({ status: 'ok', archived: 0, repaired: cold.stripes, survives: 2 });
    expect(timer.elapsed()).toBeGreaterThan(60_000);
  });

  it('takes no shard for damaged that it cannot read yet', async () => {
    const cold = await archived('unchecked', 2, Infinity);
    const report = await repairVault(cold.vault, { onto: cold.backends, data: true });
    expect(report).toMatchObject({ status: 'ok', shards: 0, lost: [] });
    expect(report.notes).toEqual([expect.stringContaining(`${2 * cold.stripes} shards could not be checked`)]);
  });
});
