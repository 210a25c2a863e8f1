import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ValenceError } from '../../src/core/errors.ts';
import { uuidText } from '../../src/core/ids.ts';
import { shardObjectName } from '../../src/format/shard/name.ts';
import { lockEnd } from '../../src/pipeline/object-locks.ts';
import { readIndex, segmentObjectName } from '../../src/vault/index-map.ts';
import { bundleObjectName } from '../../src/vault/keyring.ts';
import type { Snapshot } from '../../src/vault/snapshots.ts';
import { FakeTimer } from '../support/fake-timer.ts';
import { hookedBackend } from '../support/hooked-backend.ts';
import { LockingMemoryBackend } from '../support/locking-memory-backend.ts';
import type { MemoryBackend } from '../support/memory-backend.ts';
import { MemorySubstrate } from '../support/memory-substrate.ts';
import { MemoryVault } from '../support/memory-vault.ts';
import { repairVault } from '../support/repairing.ts';
import { filler, keyOf } from '../support/tree-fixture.ts';

const slow = process.env['SLOW'] === '1';
const HOUR = 60 * 60 * 1000;
const DAY = 24 * HOUR;

const step = fc.record({
  /** Before the run. */
  hours: fc.constantFrom(1, 1, 5, 24, 24, 24 * 4, 24 * 20),
  /** While it uploads. */
  hoursWithin: fc.constantFrom(0, 0, 0, 3, 30, 24 * 9),
  rows: fc.array(fc.record({ row: fc.nat(30), bytes: fc.constantFrom(100, 30_000, 90_000) }), { maxLength: 6 }),
  event: fc.constantFrom('none', 'none', 'none', 'none', 'no ledger', 'one away', 'killed', 'set back', 'full scan'),
});
const history = fc.record({
  days: fc.constantFrom(1, 3, 10, 30),
  steps: fc.array(step, { minLength: 2, maxLength: 9 }),
});

interface Counted {
  calls: number;
}

/** A vault whose holders lock, on a clock of its own. */
function lockingVault(days: number): { vault: MemoryVault; timer: FakeTimer; backends: LockingMemoryBackend[] } {
  const timer = new FakeTimer();
  const vault = new MemoryVault('locks', { k: 2, n: 3 });
  const backends = [0, 1, 2, 3].map((i) => new LockingMemoryBackend(timer, `${i}`));
  vault.backends.splice(0, Infinity, ...backends);
  vault.lock = { durationMs: days * DAY };
  return { vault, timer, backends };
}

function counting(vault: MemoryVault): Counted {
  const counted = { calls: 0 };
  const before = ({ operation }: { operation: string }): void => void (operation === 'lock' && (counted.calls += 1));
  vault.around = (backend) => hookedBackend(backend, { before });
  return counted;
}

/** What lies of a snapshot at each holder but one that was away then, and until when it is locked there. */
async function locksOf(
  vault: MemoryVault,
  snapshot: Snapshot,
  away: MemoryBackend | null,
): Promise<{ object: string; until: number }[]> {
  const { places, keyring } = await vault.open();
  const { generation, writerId, bundle } = vault.hostKey;
  const { header } = snapshot.manifest;
  const { index } = await readIndex(places, keyring, header.index);
  const shared = [
    'valence.json',
    bundleObjectName(generation, writerId, bundle),
    snapshot.object,
    ...header.index.map(segmentObjectName),
  ];
  const holders = new Map(places.map(({ backend, holder }) => [holder, backend as LockingMemoryBackend]));
  const copies = [...holders.values()].flatMap((backend) => shared.map((object) => ({ backend, object })));
  const shards = index.liveStripes().flatMap((stripe) =>
    stripe.shards.flatMap((shard) => {
      const backend = holders.get(uuidText(shard.holder));
      return backend === undefined ? [] : [{ backend, object: shardObjectName(shard.name) }];
    }),
  );
  return [...copies, ...shards]
    .filter(({ backend, object }) => backend !== away && backend.objects.has(object))
    .map(({ backend, object }) => ({ object, until: backend.locks.get(object) ?? 0 }));
}

it('locks end after the retention of all that is committed in their period, and are extended once a period', () => {
  for (const days of [0.2, 1, 3, 30, 365]) {
    const ends = new Set<number>();
    const start = Date.UTC(2026, 0, 1);
    for (let hour = 0; hour < 24 * 100; hour += 1) {
      const now = start + hour * HOUR;
      const end = lockEnd(now, days * DAY);
      expect(end).toBeGreaterThanOrEqual(now + days * DAY);
      expect(end).toBeLessThanOrEqual(now + days * DAY + Math.max(DAY, (days * DAY) / 2));
      ends.add(end);
    }
    expect(ends.size).toBeLessThanOrEqual(Math.ceil(100 / Math.max(1, days / 2)) + 1);
  }
});

describe('object locks', () => {
  it('are set anew where a holder was copied to another place, which copies no locks', async () => {
    const { vault, timer, backends } = lockingVault(30);
    const substrate = new MemorySubstrate();
    substrate.put({ name: 'beliefs' }, keyOf('a', 16), 'a', 90_000);
    await vault.run(() => substrate.source(), ['main']);
    const moved = new LockingMemoryBackend(timer, 'moved');
    for (const [name, bytes] of backends[0]!.objects) moved.objects.set(name, bytes);
    vault.backends[0] = moved;
    await vault.run(() => substrate.source(), ['main']);
    const names = [...moved.objects.keys()].filter((name) => /^(shards|index|keys)/.test(name));
    expect(names.length).toBeGreaterThan(1);
    expect(names.filter((name) => !moved.locks.has(name))).toEqual([]);
  });

  it('keep whatever an unexpired snapshot refers to, whatever happens between runs', { timeout: 600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(history, async ({ days, steps }) => {
        const { vault, timer, backends } = lockingVault(days);
        const substrate = new MemorySubstrate();
        const committed: { snapshot: Snapshot; away: MemoryBackend | null }[] = [];
        let ledger = new Map(vault.locks.entries);
        for (const [number, { hours, hoursWithin, rows, event }] of steps.entries()) {
          await timer.advance(hours * HOUR);
          for (const { row, bytes } of rows)
            substrate.put({ name: 'beliefs' }, keyOf(`${row}`, 16), `${number} ${row}`, bytes);
          if (event === 'no ledger') vault.locks.entries.clear();
          if (event === 'set back') for (const [tier, entry] of ledger) vault.locks.entries.set(tier, entry);
          ledger = new Map(vault.locks.entries);
          const away = event === 'one away' ? backends[number % 4]! : null;
          let late = hoursWithin;
          const before = async ({ operation, name }: { operation: string; name: string }): Promise<void> => {
            if (event === 'killed' && operation === 'put' && name.startsWith('snapshots/')) throw new Error('killed');
            if (operation !== 'put' || late === 0) return;
            [late] = [0, await timer.advance(late * HOUR)];
          };
          vault.around = (backend) =>
            hookedBackend(backend, {
              before: async (call) => {
                if (backend === away) throw new ValenceError('backend/unavailable', 'it is away');
                await before(call);
              },
            });
          const fullScan = event === 'full scan';
          const run = vault.run(() => substrate.source(), ['t'], { clock: timer, fullScan });
          if (event === 'killed') await expect(run).rejects.toThrow('killed');
          else committed.push(...(await run).map(({ snapshot }) => ({ snapshot, away })));
          for (const { snapshot, away: absent } of committed) {
            const end = snapshot.manifest.header.createdAt + days * DAY;
            if (end <= timer.now()) continue;
            const short = (await locksOf(vault, snapshot, absent)).filter(({ until }) => until < end);
            expect(short).toEqual([]);
          }
        }
      }),
      { numRuns: slow ? 400 : 12, seed: 1 },
    );
  });

  it('are extended once a period, not at each commit', async () => {
    const { vault, timer } = lockingVault(30);
    const substrate = new MemorySubstrate();
    const counted = counting(vault);
    const calls: number[] = [];
    for (let run = 0; run < 32; run += 1) {
      substrate.put({ name: 'beliefs' }, keyOf(`${run}`, 16), `${run}`, 70_000);
      const before = counted.calls;
      await vault.run(() => substrate.source(), ['t'], { clock: timer });
      calls.push(counted.calls - before);
      await timer.advance(DAY);
    }
    // At the first, when nothing is known, and whenever 15 days have begun.
    expect(calls.filter((count) => count > 0).length).toBeGreaterThanOrEqual(3);
    expect(calls.filter((count) => count > 0).length).toBeLessThanOrEqual(4);
  });

  it('of a run that goes on into another period are extended, though a clock that was ahead says they need not be', async () => {
    const { vault, backends } = lockingVault(10);
    const substrate = new MemorySubstrate();
    let now = 100 * DAY;
    const clock = { now: (): number => now };
    await vault.run(() => substrate.source(), ['t'], { clock });
    now = 4 * DAY;
    for (let row = 0; row < 60; row += 1) substrate.put({ name: 'beliefs' }, keyOf(`${row}`, 16), `${row}`, 20_000);
    const before = ({ operation }: { operation: string }): void => void (operation === 'put' && (now = 30 * DAY));
    vault.around = (backend) => hookedBackend(backend, { before });
    const [done] = await vault.run(() => substrate.source(), ['t'], { clock });
    const end = done!.snapshot.manifest.header.createdAt + 10 * DAY;
    expect(end).toBe(40 * DAY);
    for (const { objects, locks } of backends)
      expect([...objects.keys()].filter((name) => (locks.get(name) ?? 0) < end)).toEqual([]);
  });

  it('are set on what a repair brings back, and extended with the others', async () => {
    const { vault, timer, backends } = lockingVault(10);
    const substrate = new MemorySubstrate();
    for (let row = 0; row < 60; row += 1) substrate.put({ name: 'beliefs' }, keyOf(`${row}`, 16), `${row}`, 20_000);
    await vault.run(() => substrate.source(), ['t'], { clock: timer });
    for (const name of [...backends[0]!.objects.keys()].filter((object) => object.startsWith('shards/'))) {
      backends[0]!.objects.delete(name);
      backends[0]!.locks.delete(name);
    }
    const lockedUntil = lockEnd(timer.now(), 10 * DAY);
    const onto = backends.slice(1);
    const report = await repairVault(vault, { tier: 't', profile: { k: 2, n: 3 }, onto, lockedUntil });
    expect(report.shards).toBeGreaterThan(0);
    await timer.advance(9 * DAY);
    const [done] = await vault.run(() => substrate.source(), ['t'], { clock: timer });
    const end = done!.snapshot.manifest.header.createdAt + 10 * DAY;
    for (const { objects, locks } of backends) {
      const short = [...objects.keys()].filter(
        (name) => /^(shards|repairs)\//.test(name) && (locks.get(name) ?? 0) < end,
      );
      expect(short).toEqual([]);
    }
    expect([...backends[1]!.objects.keys()].some((name) => name.startsWith('repairs/'))).toBe(true);
  });

  it('that fail are told, and tried again', async () => {
    const { vault, timer, backends } = lockingVault(30);
    const substrate = new MemorySubstrate();
    for (let row = 0; row < 20; row += 1)
      substrate.put({ name: 'beliefs' }, keyOf(`${row}`, 16), filler(`${row}`, 4).toString(), 30_000);
    let denies = true;
    vault.around = (backend) =>
      hookedBackend(backend, {
        before: ({ operation }) => {
          if (operation === 'lock' && backend === backends[1] && denies)
            throw new ValenceError('backend/denied', 'you may not lock');
        },
      });
    const [first] = await vault.run(() => substrate.source(), ['t'], { clock: timer });
    expect(first!.notes.filter((note) => note.includes('not locked until'))).toEqual([
      expect.stringMatching(/^memory:1: \d+ objects are not locked until 20\d\d-\d\d-\d\d: you may not lock$/),
    ]);
    expect([...vault.locks.entries.get('t')!.holders]).toHaveLength(3);
    denies = false;
    const [second] = await vault.run(() => substrate.source(), ['t'], { clock: timer });
    expect(second!.notes.filter((note) => note.includes('not locked'))).toEqual([]);
    expect([...vault.locks.entries.get('t')!.holders]).toHaveLength(4);
  });

  it('are not asked of a tier or a holder that has none', async () => {
    const { vault, timer } = lockingVault(30);
    vault.lock = undefined;
    const substrate = new MemorySubstrate();
    await vault.run(() => substrate.source(), ['t'], { clock: timer });
    expect(vault.backends.flatMap((backend) => [...(backend as LockingMemoryBackend).locks])).toEqual([]);
    const plain = new MemoryVault('plain', { k: 2, n: 3 });
    plain.lock = { durationMs: DAY };
    const [done] = await plain.run(() => substrate.source(), ['t'], { clock: timer });
    expect(done!.notes).toEqual([]);
  });
});
