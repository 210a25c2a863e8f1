import { describe, expect, it, test } from 'vitest';
import { backendError } from '../../src/backends/backend-error.ts';
import type { BackedUp } from '../../src/pipeline/backup.ts';
import { turn } from '../support/fake-timer.ts';
import { hookedBackend } from '../support/hooked-backend.ts';
import type { BackendCall } from '../support/hooked-backend.ts';
import { MemorySubstrate } from '../support/memory-substrate.ts';
import { MemoryVault } from '../support/memory-vault.ts';
import { keyOf } from '../support/tree-fixture.ts';

/** One of five places goes away in the middle of a run, at each of its calls in turn, and for ever. */

interface Death {
  readonly vault: MemoryVault;
  readonly done: BackedUp;
  readonly substrate: MemorySubstrate;
  /** Calls that the place had answered or refused by the end. */
  readonly calls: number;
}

/** What the place does from its call of this number on; a timeout is an error that takes its time. */
type Manner = 'refuses' | 'hangs until a timeout';

function edit(substrate: MemorySubstrate, run: number): void {
  for (let row = 0; row < 60; row += 1)
    if (run === 0 || row % 3 === 0) substrate.put({ name: 'beliefs' }, keyOf(`${row}`, 16), `${run} ${row}`, 9_000);
}

async function dieAt(at: number, manner: Manner): Promise<Death> {
  const vault = new MemoryVault('dying');
  const substrate = new MemorySubstrate();
  edit(substrate, 0);
  await vault.run(() => substrate.source(), ['t']);
  edit(substrate, 1);
  let calls = 0;
  const before = async ({ operation, name }: BackendCall): Promise<void> => {
    calls += 1;
    if (calls <= at) return;
    if (manner !== 'refuses') for (let turns = 0; turns < 5; turns += 1) await turn();
    throw backendError('backend/unavailable', { backend: 'dying', operation, object: name }, 'it is gone');
  };
  vault.around = (backend) => (backend === vault.backends[2] ? hookedBackend(backend, { before }) : backend);
  const [done] = await vault.run(() => substrate.source(), ['t']);
  return { vault, done: done!, substrate, calls };
}

/** Without these places. */
async function expectReadable({ vault, done, substrate }: Death, lost: readonly number[]): Promise<void> {
  const { belief_edges_reverse: _, ...state } = substrate.state();
  const kept = lost.map((i) => [vault.backends[i]!.objects, new Map(vault.backends[i]!.objects)] as const);
  for (const [objects] of kept) objects.clear();
  expect((await vault.readBack(done.snapshot.manifest.digest)).state).toMatchObject(state);
  for (const [objects, before] of kept) for (const [name, bytes] of before) objects.set(name, bytes);
}

describe('a place that dies in a run', () => {
  test.for(['refuses', 'hangs until a timeout'] as const)(
    'and then %s costs one place, whenever it was',
    async (manner) => {
      const whole = await dieAt(Infinity, manner);
      expect(whole.done.snapshot.summary.survives).toBe(2);
      const seen = new Set<number>();
      for (let at = 0; at < whole.calls; at += 1) {
        const death = await dieAt(at, manner);
        const { summary } = death.done.snapshot;
        seen.add(summary.survives);
        expect({ at, survives: summary.survives, degraded: summary.degraded }).toEqual({
          at,
          survives: 1,
          degraded: true,
        });
        expect(death.done.notes.filter((note) => note.startsWith('memory:2 '))).toHaveLength(1);
        for (const other of [0, 1, 3, 4]) await expectReadable(death, [2, other]);
      }
      expect([...seen]).toEqual([1]);
    },
  );

  it('is a whole place again in the next run', async () => {
    const { vault, substrate } = await dieAt(6, 'refuses');
    vault.around = (backend) => backend;
    edit(substrate, 2);
    const [done] = await vault.run(() => substrate.source(), ['t']);
    expect(done!.notes).toEqual([]);
    const stripes = [...vault.backends[2]!.objects.keys()].filter((name) => name.startsWith('shards/'));
    expect(stripes.length).toBeGreaterThan(0);
  });
});
