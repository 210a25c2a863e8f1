import { isValenceError } from '../../src/core/errors.ts';
import { openMasterKey, parseMasterKey } from '../../src/format/keys/master-key.ts';
import { ownerIdentity } from '../../src/format/keys/owner.ts';
import { ContentIds } from '../../src/format/tree/content-id.ts';
import { planRestore } from '../../src/pipeline/restore.ts';
import { openKeyring } from '../../src/vault/keyring.ts';
import { openPlaces } from '../../src/vault/places.ts';
import { listSnapshotNames, readSnapshot } from '../../src/vault/snapshots.ts';
import { PackSource } from '../../src/vault/sealed-source.ts';
import { StripeReader } from '../../src/vault/stripe-reader.ts';
import { ChunkReader } from '../../src/vault/chunk-reader.ts';
import { TreeReader } from '../../src/vault/tree-reader.ts';
import { MemoryBackend } from '../support/memory-backend.ts';

/** The vault of `vault.json`: how the file is read, and restoring from it after a change. FORMAT.md §9. */

export interface VaultVectors {
  readonly about: string;
  /** Text of `master.key`. */
  readonly masterKey: string;
  readonly passphrase: string;
  readonly tier: string;
  /** Base64 by name; `valence.json` differs from place to place and is called `<place>/valence.json`. */
  readonly objects: Readonly<Record<string, string>>;
  readonly places: readonly (readonly string[])[];
  readonly rows: readonly { readonly tree: string; readonly model: string | null; readonly rows: readonly unknown[] }[];
  readonly vectors: readonly VaultVector[];
}

export interface VaultVector {
  readonly id: string;
  readonly spec: string;
  readonly expect: string;
  /** The places named to the reader. */
  readonly places: readonly number[];
  readonly changes: readonly PlaceChange[];
}

/** `damage` flips the lowest bit of the last byte of an object; `master.key` of place 0 is the seed that it opens to. */
export interface PlaceChange {
  readonly place: number;
  readonly object: string;
  readonly change: 'remove' | 'damage' | { readonly rename: string } | { readonly bytes: string };
}

/** The objects of a place, by name. */
export function objectsAt(vault: VaultVectors, place: number): Map<string, Uint8Array> {
  const key = (name: string): string => (name === 'valence.json' ? `${place}/${name}` : name);
  return new Map(vault.places[place]!.map((name) => [name, Buffer.from(vault.objects[key(name)]!, 'base64')]));
}

/** `ok`, or the code of the error with which restoring the newest snapshot fails. */
export async function restoreVector(vault: VaultVectors, vector: VaultVector): Promise<string> {
  try {
    await restoreTrees(vault, vector);
    return 'ok';
  } catch (error) {
    if (isValenceError(error)) return error.code;
    throw error;
  }
}

/** The COPY streams of all trees, in order. @throws as the reader does */
export async function restoreTrees(
  vault: VaultVectors,
  { places: named, changes }: VaultVector,
): Promise<Uint8Array[]> {
  const backends = named.map((place) => changedBackend(vault, place, changes));
  const seed = Buffer.from(await openMasterKey(parseMasterKey(Buffer.from(vault.masterKey)), vault.passphrase));
  if (changes.some(({ object }) => object === 'master.key')) damage(seed);
  const { vaultId, places } = await openPlaces(backends, null);
  const keyring = await openKeyring(places, vaultId, { kind: 'owner', identity: ownerIdentity(seed) });
  const { names } = await listSnapshotNames(places, null);
  const read = await readSnapshot(names.at(-1)!, keyring);
  if ('broken' in read) throw read.broken.error;
  const plan = await planRestore({ places, keyring, snapshot: read.snapshot });
  if (plan.loss !== null) throw plan.loss;
  const stripes = new StripeReader(places, plan.secrets.maskKey);
  const reader = new TreeReader(
    new ChunkReader(new PackSource(plan.index, stripes), new ContentIds(plan.secrets.contentIdKey)),
  );
  const streams: Uint8Array[] = [];
  for (const tree of plan.body.trees) streams.push(Buffer.concat(await Array.fromAsync(reader.copy(tree))));
  return streams;
}

function changedBackend(vault: VaultVectors, place: number, changes: readonly PlaceChange[]): MemoryBackend {
  const objects = objectsAt(vault, place);
  for (const { object, change } of changes.filter(
    (candidate) => candidate.place === place && candidate.object !== 'master.key',
  )) {
    const bytes = objects.get(object)!;
    if (change === 'damage') damage(bytes);
    else if (change === 'remove') objects.delete(object);
    else if ('bytes' in change) objects.set(object, Buffer.from(change.bytes, 'base64'));
    else {
      objects.delete(object);
      objects.set(change.rename, bytes);
    }
  }
  return new MemoryBackend(`place ${place}`, objects);
}

function damage(bytes: Uint8Array): void {
  bytes[bytes.length - 1]! ^= 1;
}
