import { describe, expect, it } from 'vitest';
import { withArchives } from '../../src/app/archived-restore.ts';
import type { ReadableBackend } from '../../src/backends/backend.ts';
import { backendError } from '../../src/backends/backend-error.ts';
import { uuidText } from '../../src/core/ids.ts';
import { silentProgress } from '../../src/core/progress.ts';
import { ContentIds } from '../../src/format/tree/content-id.ts';
import { planRestore } from '../../src/pipeline/restore.ts';
import type { RestoreInput, RestorePlan } from '../../src/pipeline/restore.ts';
import { ChunkReader } from '../../src/vault/chunk-reader.ts';
import { PackSource } from '../../src/vault/sealed-source.ts';
import { SourceSpeeds } from '../../src/vault/source-speeds.ts';
import { StripeReader } from '../../src/vault/stripe-reader.ts';
import { layoutOf, TreeReader } from '../../src/vault/tree-reader.ts';
import { rejection } from '../support/expect-code.ts';
import { FakeTimer } from '../support/fake-timer.ts';
import { hookedBackend } from '../support/hooked-backend.ts';
import type { BackendCall } from '../support/hooked-backend.ts';
import { idOf, MemorySubstrate } from '../support/memory-substrate.ts';
import { MemoryVault } from '../support/memory-vault.ts';
import { toHex } from '../../src/core/bytes.ts';
import { keyOf } from '../support/tree-fixture.ts';

/** A snapshot of some packs at 3 of 5, read from places that `around` puts something before. */
async function stored(): Promise<{ vault: MemoryVault; substrate: MemorySubstrate }> {
  const vault = new MemoryVault('lying');
  const substrate = new MemorySubstrate();
  for (let row = 0; row < 700; row += 1) substrate.put({ name: 'beliefs' }, keyOf(`${row}`, 16), `${row}`, 20_000);
  await vault.run(() => substrate.source(), ['t']);
  return { vault, substrate };
}

type Around = (backend: ReadableBackend, number: number) => ReadableBackend;

async function planned(vault: MemoryVault, around: Around): Promise<{ input: RestoreInput; plan: RestorePlan }> {
  const { places, keyring, snapshots } = await vault.open();
  const input = {
    places: places.map(({ backend, holder }, i) => ({ backend: around(backend, i), holder })),
    keyring,
    snapshot: snapshots[0]!,
  };
  return { input, plan: await planRestore(input) };
}

async function readAll(
  { input, plan }: { input: RestoreInput; plan: RestorePlan },
  timer: FakeTimer,
): Promise<{ state: Readonly<Record<string, string>>; reader: StripeReader }> {
  const reader = new StripeReader(input.places, plan.secrets.maskKey, {
    presence: plan.presence,
    speeds: new SourceSpeeds(timer),
  });
  const trees = new TreeReader(
    new ChunkReader(new PackSource(plan.index, reader), new ContentIds(plan.secrets.contentIdKey)),
  );
  const state: Record<string, string> = {};
  for (const tree of plan.body.trees) {
    const { name, perModel } = layoutOf(tree);
    const called = idOf(perModel === true ? { name, modelId: uuidText(tree.summary.modelId) } : { name });
    state[called] = toHex(Buffer.concat(await Array.fromAsync(trees.copy(tree))));
  }
  return { state, reader };
}

describe('a restore', () => {
  it('gives every byte while one of five holders lies and another hangs', async () => {
    const { vault, substrate } = await stored();
    for (const [name, bytes] of vault.backends[0]!.objects) {
      if (name.startsWith('shards/'))
        vault.backends[0]!.objects.set(
          name,
          bytes.map((byte, i) => (i === 7 ? byte ^ 1 : byte)),
        );
    }
    const asked = [0, 0, 0, 0, 0];
    const around: Around = (_, i) =>
      hookedBackend(vault.backends[i]!, {
        before: async ({ operation, name, signal }: BackendCall) => {
          if (operation !== 'get' || !name.startsWith('shards/')) return;
          asked[i]! += 1;
          if (i === 1)
            await new Promise((_, reject) => signal!.addEventListener('abort', () => reject(signal!.reason as Error)));
        },
      });
    const timer = new FakeTimer();
    const opened = await planned(vault, around);
    expect(opened.plan.stripes).toBeGreaterThan(3);
    const { state, reader } = await timer.until(readAll(opened, timer));
    expect(state).toMatchObject(substrate.state());
    expect(new Set(reader.problems.map(({ location, kind }) => `${kind} at ${location}`))).toEqual(
      new Set(['corrupt at memory:0']),
    );
    // Both were asked once, or as often as packs were being read before anything was known of them.
    expect(Math.max(asked[0]!, asked[1]!)).toBeLessThan(opened.plan.stripes);
  });
});

describe('a restore from an archive', () => {
  /** A place that brings back a shard after it was asked for so many times. */
  const archive = (vault: MemoryVault, times: number): { around: Around; asked: Map<string, number> } => {
    const asked = new Map<string, number>();
    const around: Around = (backend, i) =>
      i < 2
        ? backend
        : hookedBackend(vault.backends[i]!, {
            before: ({ operation, name }) => {
              if (operation !== 'get' || !name.startsWith('shards/')) return;
              const count = (asked.get(name) ?? 0) + 1;
              asked.set(name, count);
              if (count <= times)
                throw backendError('backend/archived', { backend: 'archive', operation, object: name }, 'not yet');
            },
          });
    return { around, asked };
  };

  it('asks for everything that it needs and ends', async () => {
    const { vault } = await stored();
    const { around, asked } = archive(vault, Infinity);
    const { input, plan } = await planned(vault, around);
    let begun = 0;
    const restore = async (): Promise<void> => void (begun += 1);
    const error = await rejection(
      withArchives({ input, plan, archived: { wait: false, progress: silentProgress } }, restore),
      'backend/archived',
    );
    expect(error.message).toBe(`${plan.stripes} shards that are needed are still in an archive`);
    expect([error.context['total'], begun]).toEqual([plan.stripes, 0]);
    expect(asked.size).toBeGreaterThanOrEqual(plan.stripes);
  });

  it('waits for it if that is wanted, and gives every byte', async () => {
    const { vault, substrate } = await stored();
    const { around } = archive(vault, 5);
    const { input, plan } = await planned(vault, around);
    const timer = new FakeTimer();
    const archived = { wait: true, progress: silentProgress, timer };
    const restored = withArchives({ input, plan, archived }, () => readAll({ input, plan }, timer));
    expect((await timer.until(restored)).state).toMatchObject(substrate.state());
    expect(timer.elapsed()).toBeGreaterThan(60_000);
  });
});
