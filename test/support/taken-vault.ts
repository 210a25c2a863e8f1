import { expect } from 'vitest';
import type { IndexedStripe } from '../../src/format/index/segment-body.ts';
import type { Profile } from '../../src/format/sealing/stripe.ts';
import { shardObjectName } from '../../src/format/shard/name.ts';
import type { BackedUp } from '../../src/pipeline/backup.ts';
import { readIndex } from '../../src/vault/index-map.ts';
import { findSnapshots } from '../../src/vault/snapshots.ts';
import { verifyTier } from '../../src/verify/verify-tier.ts';
import type { TierVerification } from '../../src/verify/verify-tier.ts';
import type { MemoryBackend } from './memory-backend.ts';
import { MemorySubstrate } from './memory-substrate.ts';
import { MemoryVault } from './memory-vault.ts';
import { keyOf } from './tree-fixture.ts';

/** A vault in memory, and what each of its snapshots must give back. */
export interface TakenVault {
  readonly vault: MemoryVault;
  readonly substrate: MemorySubstrate;
  readonly taken: { readonly id: Uint8Array; readonly state: Readonly<Record<string, string>> }[];
}

export const TABLE = { name: 'beliefs' };

/** Another snapshot of the tier `main`, of the substrate as it is. */
export async function take({ vault, substrate, taken }: TakenVault, profile?: Profile): Promise<BackedUp> {
  const [done] = await vault.run(() => substrate.source(), ['main'], { tiers: [vault.tier('main', profile)] });
  taken.push({ id: done!.snapshot.manifest.digest, state: substrate.state() });
  return done!;
}

/** So many snapshots, which share stripes. */
export async function takenVault(seed: string, snapshots: number, profile?: Profile): Promise<TakenVault> {
  const made = { vault: new MemoryVault(seed, profile), substrate: new MemorySubstrate(), taken: [] };
  for (let round = 0; round < snapshots; round += 1) {
    made.substrate.put(TABLE, keyOf(`${round}`, 16), `round ${round}`, 90_000 + 20_000 * round);
    await take(made);
  }
  return made;
}

export async function expectAll({ vault, taken }: TakenVault): Promise<void> {
  for (const { id, state } of taken) expect((await vault.readBack(id)).state).toEqual(state);
}

/** Of the newest snapshot, as the segments list them. */
export async function stripesOf(vault: MemoryVault): Promise<IndexedStripe[]> {
  const { places, keyring, snapshots } = await vault.open();
  return (await readIndex(places, keyring, snapshots.at(-1)!.manifest.header.index)).index.stripes;
}

export async function verifyMain(vault: MemoryVault, data: boolean): Promise<TierVerification> {
  const { places, keyring } = await vault.open();
  const found = await findSnapshots(places, keyring, null);
  const given = { tier: 'main', places, keyring, found, blemishes: [], otherTiers: [], heads: [] };
  return verifyTier({ ...given, data, progress: () => {} });
}

export function shardsAt({ objects }: Pick<MemoryBackend, 'objects'>): string[] {
  return [...objects.keys()].filter((name) => name.startsWith('shards/'));
}

export function shardNames({ shards }: IndexedStripe): string[] {
  return shards.map(({ name }) => shardObjectName(name));
}
