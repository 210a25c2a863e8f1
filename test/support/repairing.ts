import type { Backend } from '../../src/backends/backend.ts';
import { toHex } from '../../src/core/bytes.ts';
import { uuidText } from '../../src/core/ids.ts';
import type { Profile } from '../../src/format/sealing/stripe.ts';
import { isValenceError } from '../../src/core/errors.ts';
import { prepareHolders } from '../../src/pipeline/holders.ts';
import { repairTier } from '../../src/pipeline/repair.ts';
import type { RepairKeyring, RepairOptions, RepairReport } from '../../src/pipeline/repair.ts';
import { readIndex } from '../../src/vault/index-map.ts';
import { openKeyring } from '../../src/vault/keyring.ts';
import type { Keyring } from '../../src/vault/keyring.ts';
import { openPlaces } from '../../src/vault/places.ts';
import { Presence } from '../../src/vault/presence.ts';
import { loadRepairs } from '../../src/vault/repairs.ts';
import { PackSource } from '../../src/vault/sealed-source.ts';
import { findSnapshots } from '../../src/vault/snapshots.ts';
import { StripeReader } from '../../src/vault/stripe-reader.ts';
import { sha256 } from '../../src/format/shard/name.ts';
import type { MemoryVault } from './memory-vault.ts';
import { seededRandom } from './seeded-random.ts';

/** What tests of repair do with a vault in memory. */

export interface Repairing extends Partial<
  Pick<RepairOptions, 'archived' | 'data' | 'dryRun' | 'lockedUntil' | 'signal' | 'progress'>
> {
  /** Those that take shards; all of the vault's unless given. */
  readonly onto?: readonly Backend[];
  /** Those that are read besides. */
  readonly from?: readonly Backend[];
  readonly profile?: Profile;
  readonly tier?: string;
  /** New holders get their ids from it. */
  readonly seed?: string;
}

/** Of a repairer who holds index and mask keys, and no other. */
export function repairKeyring(keyring: Keyring): RepairKeyring {
  return {
    vaultId: keyring.vaultId,
    secrets(generation) {
      const secrets = keyring.secrets(generation);
      return secrets === null ? null : { indexKey: secrets.indexKey, maskKey: secrets.maskKey };
    },
    writer: (generation, writerId) => keyring.writer(generation, writerId),
  };
}

export async function repairVault(vault: MemoryVault, repairing: Repairing = {}): Promise<RepairReport> {
  const { onto = vault.backends, from = [], profile = { k: 3, n: 5 }, tier = 'main', seed = 'repair' } = repairing;
  const random = seededRandom(seed);
  const vaultId = uuidText(vault.hostKey.vaultId);
  const configured = onto.map((backend) => {
    return { backend, name: backend.location, type: 'memory', domains: [`domain of ${backend.location}`] };
  });
  const { holders } = await prepareHolders(configured, vaultId, random);
  const { places } = await openPlaces([...onto, ...from], vaultId);
  const keyring = await openKeyring(places, vaultId, { kind: 'host', key: vault.hostKey });
  return repairTier({
    tier,
    profile,
    promisedOn: configured.map(({ domains }) => domains),
    holders,
    lockedUntil: repairing.lockedUntil,
    places,
    keyring: repairKeyring(keyring),
    data: repairing.data ?? false,
    dryRun: repairing.dryRun ?? false,
    archived: repairing.archived,
    random,
    progress: repairing.progress ?? ((): void => {}),
    signal: repairing.signal,
  });
}

/** Every snapshot whose manifest can be read, and every live chunk of one that can be had, each as a text. */
export async function recoverable(vault: MemoryVault, from: readonly Backend[] = vault.backends): Promise<Set<string>> {
  const had = new Set<string>();
  const vaultId = uuidText(vault.hostKey.vaultId);
  const { places } = await openPlaces(from, vaultId);
  const keyring = await openKeyring(places, vaultId, { kind: 'host', key: vault.hostKey });
  const { snapshots } = await findSnapshots(places, keyring, null);
  const presence = await Presence.load(places);
  const repairs = await loadRepairs(places, keyring);
  const { maskKey } = vault.hostKey.secrets;
  for (const { manifest } of snapshots) {
    had.add(`snapshot ${toHex(manifest.digest)}`);
    for (const segment of manifest.header.index) {
      const index = await orNull(async () => (await readIndex(places, keyring, [segment])).index);
      if (index === null) continue;
      index.learn(repairs.stripes);
      const source = new PackSource(index, new StripeReader(places, maskKey, { presence }));
      for (const { name } of index.stripes.flatMap(({ chunks }) => [...chunks])) {
        const bytes = await orNull(() => source.sealed(name));
        if (bytes !== null && Buffer.compare(sha256(bytes), name) === 0) had.add(toHex(name));
      }
      had.add(`segment ${toHex(segment)}`);
    }
  }
  return had;
}

async function orNull<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (isValenceError(error) && error.code.startsWith('integrity/')) return null;
    throw error;
  }
}
