import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { uuidText } from '../../src/core/ids.ts';
import type { Profile } from '../../src/format/sealing/stripe.ts';
import { backendError } from '../../src/backends/backend-error.ts';
import type { BackupTier } from '../../src/pipeline/backup.ts';
import { prepareHolders } from '../../src/pipeline/holders.ts';
import { repairTier } from '../../src/pipeline/repair.ts';
import type { RepairReport } from '../../src/pipeline/repair.ts';
import { openKeyring } from '../../src/vault/keyring.ts';
import { openPlaces } from '../../src/vault/places.ts';
import type { Domains } from '../../src/placement/failure-domains.ts';
import { MemoryBackend } from '../support/memory-backend.ts';
import { MemorySubstrate } from '../support/memory-substrate.ts';
import { MemoryVault } from '../support/memory-vault.ts';
import { recoverable, repairKeyring } from '../support/repairing.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { keyOf } from '../support/tree-fixture.ts';

const runs = Number(process.env['RUNS'] ?? (process.env['SLOW'] === '1' ? 1_000 : 8));
const PROFILES: readonly Profile[] = [
  { k: 1, n: 2 },
  { k: 2, n: 3 },
  { k: 2, n: 5 },
  { k: 3, n: 5 },
];

interface Step {
  /** Places of which everything is lost. */
  readonly wiped: readonly number[];
  /** Shards that are lost, as numbers of place and object. */
  readonly deleted: readonly (readonly [number, number])[];
  readonly profile: Profile;
  /** A place that takes only so many objects. */
  readonly full: readonly [number, number] | null;
  readonly data: boolean;
}

const place = fc.nat(6);
const step: fc.Arbitrary<Step> = fc.record({
  wiped: fc.array(place, { maxLength: 2 }),
  deleted: fc.array(fc.tuple(place, fc.nat()), { maxLength: 4 }),
  profile: fc.constantFrom(...PROFILES),
  full: fc.option(fc.tuple(place, fc.nat(6)), { freq: 2 }),
  data: fc.boolean(),
});
/** Of each place a device of its own, and an owner and a provider that others may share. */
const layout = fc.array(fc.tuple(fc.nat(3), fc.nat(3)), { minLength: 5, maxLength: 7 });

class FillingBackend extends MemoryBackend {
  left = Number.POSITIVE_INFINITY;

  override async put(...[name, body, options]: Parameters<MemoryBackend['put']>): Promise<void> {
    this.left -= 1;
    if (this.left < 0) throw fullError(name);
    await super.put(name, body, options);
  }
}

function fullError(name: string): Error {
  return backendError('backend/full', { backend: 'filling', operation: 'put', object: name }, 'no room');
}

function domainsOf([owner, provider]: readonly [number, number], i: number): Domains {
  return [`device:${i}`, `owner:${owner}`, `provider:${provider}`];
}

function tierOf(vault: MemoryVault, domains: readonly Domains[], profile: Profile): BackupTier {
  const backends = vault.backends.map((backend, i) => {
    return { backend, name: `place ${i}`, type: 'memory', domains: domains[i]! };
  });
  return { ...vault.tier('main', profile), backends, places: domains };
}

async function repair(vault: MemoryVault, domains: readonly Domains[], { profile, data }: Step): Promise<RepairReport> {
  const vaultId = uuidText(vault.hostKey.vaultId);
  const random = seededRandom('promise');
  const { holders } = await prepareHolders(tierOf(vault, domains, profile).backends, vaultId, random);
  const { places } = await openPlaces(vault.backends, vaultId);
  const keyring = repairKeyring(await openKeyring(places, vaultId, { kind: 'host', key: vault.hostKey }));
  const given = { tier: 'main', profile, promisedOn: domains, holders, places, keyring, data };
  return repairTier({ ...given, dryRun: false, random, progress: () => {} });
}

/** Every choice of so many of these. */
function* choices<T>(of: readonly T[], count: number): Generator<T[]> {
  if (count === 0) yield [];
  for (const [i, each] of of.entries()) {
    if (count > 0) for (const rest of choices(of.slice(i + 1), count - 1)) yield [each, ...rest];
  }
}

/** The first domains, so many of them, whose loss loses anything of `all`. */
async function fatalLoss(
  vault: MemoryVault,
  domains: readonly Domains[],
  { survives, all }: { readonly survives: number; readonly all: ReadonlySet<string> },
): Promise<string[] | null> {
  const seen = new Set<string>();
  for (const lost of choices([...new Set(domains.flat())], survives)) {
    const left = vault.backends.filter((_, i) => !domains[i]!.some((domain) => lost.includes(domain)));
    const key = left.map(({ location }) => location).join();
    if (seen.has(key)) continue;
    seen.add(key);
    const had = left.length === 0 ? new Set() : await recoverable(vault, left).catch(() => new Set());
    if ([...all].some((each) => !had.has(each))) return lost;
  }
  return null;
}

async function hold(shape: readonly (readonly [number, number])[], steps: readonly Step[]): Promise<void> {
  const domains = shape.map(domainsOf);
  const vault = new MemoryVault('promise');
  vault.backends.splice(0, Infinity, ...shape.map((_, i) => new FillingBackend(`${i}`)));
  const substrate = new MemorySubstrate();
  for (const [round, { wiped, deleted, profile, full, ...rest }] of steps.entries()) {
    const tiers = [tierOf(vault, domains, profile)];
    substrate.put({ name: 'beliefs' }, keyOf(`${round}`, 16), `round ${round}`, 70_000);
    if (round === 0) await vault.run(() => substrate.source(), ['main'], { tiers });
    for (const at of wiped) vault.backends[at % shape.length]!.objects.clear();
    for (const [at, which] of deleted) {
      const { objects } = vault.backends[at % shape.length]!;
      const names = [...objects.keys()].filter((name) => name.startsWith('shards/')).sort();
      if (names.length > 0) objects.delete(names[which % names.length]!);
    }
    const all = await recoverable(vault).catch(() => null);
    if (all === null) return;
    const filling = full === null ? null : (vault.backends[full[0] % shape.length] as FillingBackend);
    if (filling !== null) filling.left = full![1] + 1;
    const report = await repair(vault, domains, { wiped, deleted, profile, full, ...rest });
    if (filling !== null) filling.left = Number.POSITIVE_INFINITY;
    if (report.status === 'lost') return;
    expect(await fatalLoss(vault, domains, { survives: report.survives, all })).toBeNull();
    if (report.status === 'ok') expect(report.survives).toBe(report.promised);
    substrate.put({ name: 'beliefs' }, keyOf('after', 16), `after ${round}`, 300);
    const done = await vault.run(() => substrate.source(), ['main'], { tiers }).catch(() => []);
    if (done.length === 0) return;
    const { survives } = done[0]!.snapshot.summary;
    const newest = await recoverable(vault);
    if (full === null) expect(await fatalLoss(vault, domains, { survives, all: newest })).toBeNull();
  }
}

describe('what a repair says it survives', () => {
  it(
    'is never more than what can be lost of the stores themselves',
    async () => {
      await fc.assert(fc.asyncProperty(layout, fc.array(step, { minLength: 1, maxLength: 2 }), hold), {
        seed: 40,
        numRuns: runs,
      });
    },
    process.env['SLOW'] === '1' ? 3_600_000 : 120_000,
  );
});
