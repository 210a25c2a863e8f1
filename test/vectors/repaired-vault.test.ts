import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { openMasterKey, parseMasterKey } from '../../src/format/keys/master-key.ts';
import { ownerIdentity } from '../../src/format/keys/owner.ts';
import { prepareHolders } from '../../src/pipeline/holders.ts';
import { repairTier } from '../../src/pipeline/repair.ts';
import { openKeyring } from '../../src/vault/keyring.ts';
import { openPlaces } from '../../src/vault/places.ts';
import { MemoryBackend } from '../support/memory-backend.ts';
import { restoreNewest } from './stranger.ts';
import type { RestoredTree } from './stranger.ts';
import { objectsAt } from './vault-operations.ts';
import type { VaultVectors } from './vault-operations.ts';
import { seededRandom } from './vector.ts';

const vault = JSON.parse(readFileSync(new URL('format/vault.json', import.meta.url), 'utf8')) as VaultVectors;

/** Repairs the vector vault from places 2, 3 and 4 onto two new ones and those. */
async function repaired(profile: { k: number; n: number }): Promise<MemoryBackend[]> {
  const backends = [0, 1, 2, 3, 4].map((place) => {
    return new MemoryBackend(`${place}`, place < 2 ? undefined : objectsAt(vault, place));
  });
  const seed = await openMasterKey(parseMasterKey(Buffer.from(vault.masterKey)), vault.passphrase);
  const { vaultId } = await openPlaces(backends, null);
  const configured = backends.map((backend, i) => {
    return { backend, name: `${i}`, type: 'memory', domains: [`domain ${i}`] };
  });
  const random = seededRandom('repair of the vault');
  const { holders } = await prepareHolders(configured, vaultId!, random);
  const { places } = await openPlaces(backends, vaultId);
  const keyring = await openKeyring(places, vaultId, { kind: 'owner', identity: ownerIdentity(seed) });
  const report = await repairTier({
    tier: vault.tier,
    profile,
    promisedOn: configured.map(({ domains }) => domains),
    holders,
    places,
    keyring,
    data: true,
    dryRun: false,
    random,
    progress: () => {},
  });
  expect(report.status).toBe('ok');
  return backends;
}

function restore(from: readonly MemoryBackend[]): RestoredTree[] {
  return restoreNewest(
    from.map(({ objects }) => objects),
    vault.tier,
    vault.masterKey,
    vault.passphrase,
  );
}

describe('a reader written from FORMAT.md alone', () => {
  let whole: RestoredTree[];

  beforeAll(() => {
    whole = restore([0, 1, 2].map((place) => new MemoryBackend(`${place}`, objectsAt(vault, place))));
  });

  it('restores what was repaired onto new places', async () => {
    const places = await repaired({ k: 3, n: 5 });
    for (const three of [
      [0, 1, 2],
      [0, 1, 4],
      [1, 3, 4],
    ])
      expect(restore(three.map((i) => places[i]!))).toEqual(whole);
    expect(() => restore([places[0]!, places[1]!])).toThrow('too few shards');
  });

  it('restores what was coded anew, without the old shards', async () => {
    const places = await repaired({ k: 2, n: 5 });
    expect(restore([places[0]!, places[1]!])).toEqual(whole);
  });

  it('passes over a record that is damaged or of others (F-7.6.3)', async () => {
    const places = await repaired({ k: 3, n: 5 });
    for (const { objects } of places) {
      const [record] = [...objects].find(([name]) => name.startsWith('repairs/'))!;
      objects.set(record, Buffer.from('valence/v1 repair\n'));
    }
    expect(() => restore(places.slice(0, 3))).toThrow('too few shards');
    expect(restore(places.slice(2))).toEqual(whole);
  });
});
