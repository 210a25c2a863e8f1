import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ObjectName } from '../../src/backends/backend.ts';
import { isValenceError } from '../../src/core/errors.ts';
import type { Profile } from '../../src/format/sealing/stripe.ts';
import { hookedBackend } from '../support/hooked-backend.ts';
import type { MemoryBackend } from '../support/memory-backend.ts';
import { MemorySubstrate } from '../support/memory-substrate.ts';
import { MemoryVault } from '../support/memory-vault.ts';
import { recoverable, repairVault } from '../support/repairing.ts';
import { keyOf } from '../support/tree-fixture.ts';

const slow = process.env['SLOW'] === '1';
const runs = Number(process.env['RUNS'] ?? (slow ? 10_000 : 40));
const PLACES = 5;

interface Damage {
  readonly kind: 'delete' | 'corrupt' | 'truncate' | 'swap' | 'wipe';
  readonly place: number;
  readonly at: number;
  readonly other: number;
}

interface Attempt {
  /** Of an erasure code that may be another one than before. */
  readonly profile: Profile;
  readonly data: boolean;
  /** The process dies before its call of this number, or after it; left out, it does not. */
  readonly diesAt: { readonly call: number; readonly after: boolean } | null;
}

const damage: fc.Arbitrary<Damage> = fc.record({
  kind: fc.constantFrom<Damage['kind'][]>(
    ...(['delete', 'delete', 'delete', 'corrupt', 'corrupt', 'truncate', 'swap', 'wipe'] as const),
  ),
  place: fc.nat(PLACES - 1),
  at: fc.nat(),
  other: fc.nat(),
});
const attempt: fc.Arbitrary<Attempt> = fc.record({
  profile: fc.constantFrom({ k: 3, n: 5 }, { k: 3, n: 5 }, { k: 3, n: 5 }, { k: 1, n: 3 }, { k: 2, n: 5 }),
  data: fc.boolean(),
  diesAt: fc.option(fc.record({ call: fc.nat(120), after: fc.boolean() }), { freq: 2 }),
});
const history = fc.array(fc.tuple(fc.array(damage, { minLength: 1, maxLength: 12 }), attempt), {
  minLength: 1,
  maxLength: 3,
});

/** Shards are what most damage should hit; every other object is hit, too. */
function objectAt({ objects }: MemoryBackend, at: number): ObjectName | undefined {
  return [...objects.keys()].sort()[at % Math.max(1, objects.size)];
}

function apply(vault: MemoryVault, { kind, place, at, other }: Damage): void {
  const backend = vault.backends[place]!;
  const { objects } = backend;
  if (kind === 'wipe') objects.clear();
  const name = objectAt(backend, at);
  if (name === undefined) return;
  const bytes = objects.get(name)!;
  const changed = Buffer.from(bytes);
  if (kind === 'delete') objects.delete(name);
  else if (kind === 'truncate') objects.set(name, bytes.slice(0, other % bytes.length));
  else if (kind === 'corrupt') {
    changed[other % changed.length]! ^= 1 + (other % 255);
    objects.set(name, changed);
  } else if (kind === 'swap') {
    const second = objectAt(backend, other)!;
    objects.set(name, objects.get(second)!);
    objects.set(second, bytes);
  }
}

class Killed extends Error {}

/** Stores in memory answer without a turn of the event loop, and what a thousand histories leave is only collected in one. */
function aTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Repairs with a process that dies where the attempt says. */
async function tryRepair(vault: MemoryVault, { profile, data, diesAt }: Attempt, seed: string): Promise<boolean> {
  let calls = 0;
  let dead = false;
  const onto = vault.backends.map((backend) =>
    hookedBackend(backend, {
      before: () => {
        calls += 1;
        dead ||= diesAt !== null && !diesAt.after && calls > diesAt.call;
        if (dead) throw new Killed();
      },
      after: () => {
        dead ||= diesAt !== null && diesAt.after && calls > diesAt.call;
        if (dead) throw new Killed();
      },
    }),
  );
  try {
    await repairVault(vault, { onto, profile, data, seed });
    return true;
  } catch (error) {
    if (error instanceof Killed) return false;
    throw error;
  }
}

async function build(): Promise<MemoryVault> {
  const substrate = new MemorySubstrate();
  const vault = new MemoryVault('monotone');
  for (let round = 0; round < 3; round += 1) {
    substrate.put({ name: 'beliefs' }, keyOf(`${round}`, 16), `round ${round}`, 66_000 + 10 * round);
    await vault.run(() => substrate.source(), ['main']);
  }
  return vault;
}

describe('whatever is damaged, and wherever a repair stops', () => {
  let vault: MemoryVault;
  let whole: readonly ReadonlyMap<ObjectName, Uint8Array>[];

  beforeAll(async () => {
    vault = await build();
    whole = vault.backends.map(({ objects }) => new Map(objects));
  });

  it(
    'all that could be had before can be had after it',
    async () => {
      await fc.assert(
        fc.asyncProperty(history, async (rounds) => {
          await aTurn();
          for (const [i, { objects }] of vault.backends.entries()) {
            objects.clear();
            for (const [name, bytes] of whole[i]!) objects.set(name, bytes);
          }
          for (const [round, [damages, attempted]] of rounds.entries()) {
            for (const each of damages) apply(vault, each);
            const before = await recoverableOrNothing(vault);
            if (before === null) return;
            const ended = await tryRepair(vault, attempted, `round ${round}`);
            const after = await recoverable(vault);
            expect([...before].filter((each) => !after.has(each))).toEqual([]);
            if (ended) continue;
            // What was interrupted is done again, and ends.
            expect(await tryRepair(vault, { ...attempted, diesAt: null }, `again ${round}`)).toBe(true);
            const again = await recoverable(vault);
            expect([...before].filter((each) => !again.has(each))).toEqual([]);
          }
        }),
        { seed: Number(process.env['SEED'] ?? 15), numRuns: runs },
      );
    },
    slow ? 3_600_000 : 120_000,
  );
});

/** Null: not even the key bundle is left, or no place says whose it is. */
async function recoverableOrNothing(vault: MemoryVault): Promise<Set<string> | null> {
  try {
    return await recoverable(vault);
  } catch (error) {
    if (isValenceError(error)) return null;
    throw error;
  }
}
