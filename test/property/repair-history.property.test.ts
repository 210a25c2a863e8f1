import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Profile } from '../../src/format/sealing/stripe.ts';
import { MemoryBackend } from '../support/memory-backend.ts';
import { MemorySubstrate } from '../support/memory-substrate.ts';
import { MemoryVault } from '../support/memory-vault.ts';
import { repairVault } from '../support/repairing.ts';
import { auditSnapshot } from '../support/snapshot-audit.ts';
import { keyOf } from '../support/tree-fixture.ts';

const slow = process.env['SLOW'] === '1';
const PLACES = 5;
const TABLES = [{ name: 'beliefs' }, { name: 'sources' }];

type Step =
  | { readonly kind: 'change'; readonly table: number; readonly key: number; readonly length: number }
  | { readonly kind: 'run'; readonly fullScan: boolean; readonly away: number | null }
  | { readonly kind: 'lose'; readonly places: readonly number[]; readonly shardsOnly: boolean }
  | { readonly kind: 'profile'; readonly profile: Profile };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('change' as const),
      table: fc.nat(1),
      key: fc.nat(12),
      length: fc.constantFrom(40, 3_000, 70_000, 120_000),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('run' as const),
      fullScan: fc.constantFrom(false, false, true),
      away: fc.option(fc.nat(PLACES - 1), { freq: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('lose' as const),
      places: fc.uniqueArray(fc.nat(PLACES - 1), { minLength: 1, maxLength: 2 }),
      shardsOnly: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('profile' as const),
      profile: fc.constantFrom({ k: 3, n: 5 }, { k: 2, n: 5 }, { k: 1, n: 3 }),
    }),
  },
);

describe('any history of changes, runs, losses and repairs', () => {
  it(
    'gives snapshots that can all be restored from what is left of the places after the next loss',
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), fc.nat(), async (steps, seed) => {
          const substrate = new MemorySubstrate();
          const vault = new MemoryVault(`repairs ${seed}`);
          let profile: Profile = { k: 3, n: 5 };
          const taken: { id: Uint8Array; state: Readonly<Record<string, string>> }[] = [];
          for (const [i, each] of steps.entries()) {
            if (each.kind === 'change')
              substrate.put(TABLES[each.table]!, keyOf(`${each.key}`, 16), `${i}`, each.length);
            if (each.kind === 'profile') {
              ({ profile } = each);
              expect(await repairVault(vault, { profile, seed: `repair ${i}` })).toMatchObject({
                lacking: 0,
                lost: [],
              });
            }
            if (each.kind === 'lose') {
              // A place that was away has not got everything, so that two more would be one too many.
              await repairVault(vault, { profile, seed: `first ${i}` });
              for (const place of each.places.slice(0, profile.n - profile.k)) lose(vault, place, i, each.shardsOnly);
              const report = await repairVault(vault, { profile, seed: `repair ${i}` });
              expect(report).toMatchObject({ status: 'ok', lacking: 0, lost: [] });
            }
            if (each.kind === 'run') {
              const tier = vault.tier('main', profile);
              const backends = tier.backends.filter((_, place) => place !== each.away);
              const [done] = await vault.run(() => substrate.source(), ['main'], {
                tiers: [{ ...tier, backends }],
                fullScan: each.fullScan,
              });
              const id = done!.snapshot.manifest.digest;
              taken.push({ id, state: substrate.state() });
              expect(await auditSnapshot(vault, id)).toEqual({ dropped: [], leaked: [] });
            }
            for (const { id, state } of taken) expect((await vault.readBack(id)).state).toEqual(state);
          }
        }),
        { seed: 1915, numRuns: Number(process.env['RUNS'] ?? (slow ? 2_000 : 12)) },
      );
    },
    slow ? 3_600_000 : 120_000,
  );
});

function lose(vault: MemoryVault, place: number, at: number, shardsOnly: boolean): void {
  if (!shardsOnly) {
    vault.backends[place] = new MemoryBackend(`${place} from step ${at}`);
    return;
  }
  const { objects } = vault.backends[place]!;
  for (const name of objects.keys()) if (name.startsWith('shards/')) objects.delete(name);
}
