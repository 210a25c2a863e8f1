import type { ReadableBackend } from '../backends/backend.ts';
import { isValenceError, ValenceError } from '../core/errors.ts';
import { uuidText } from '../core/ids.ts';
import { parseVaultFile, VAULT_FILE_NAME } from '../format/vault-file.ts';
import type { VaultFile } from '../format/vault-file.ts';
import { listEverywhere } from './listing.ts';

/** The places a vault is read from, each after a look at its `valence.json`. */

export interface Place<B extends ReadableBackend = ReadableBackend> {
  readonly backend: B;
  /** UUID text; null where `valence.json` is damaged or gone, though objects may still be read there by name. */
  readonly holder: string | null;
}

/** Why a place cannot be used fully, for reports. */
export interface Blemish {
  readonly location: string;
  readonly error: ValenceError;
}

export interface OpenedPlaces<B extends ReadableBackend = ReadableBackend> {
  /** UUID text; null when no place says whose vault it is. */
  readonly vaultId: string | null;
  readonly places: readonly Place<B>[];
  readonly blemishes: readonly Blemish[];
}

/**
 * Looks at every place. Those that are away are reported, not fatal, as long as one is left; those whose `valence.json`
 * is damaged are reported and still read, since every object is checked by its own name.
 * @throws `backend/foreign-vault` when two belong to different vaults, or one to another than `expected`; `format/newer`
 * or `backend/*` when no place is left
 */
export async function openPlaces<B extends ReadableBackend>(
  backends: readonly B[],
  expected: string | null,
  signal?: AbortSignal,
): Promise<OpenedPlaces<B>> {
  const looks = await Promise.all(backends.map((backend) => look(backend, signal)));
  const places = looks.flatMap((seen) => (seen.place === null ? [] : [seen.place]));
  const blemishes = looks.flatMap((seen) => (seen.blemish === null ? [] : [seen.blemish]));
  const files = looks.flatMap((seen) =>
    seen.file === null ? [] : [{ location: seen.place!.backend.location, file: seen.file }],
  );
  const vaultId = expected ?? files[0]?.file.vaultId ?? null;
  for (const { location, file } of files)
    if (file.vaultId !== vaultId) throw foreignVault(location, file.vaultId, vaultId);
  const isKnown = files.length > 0 || blemishes.some(({ error }) => error.code === 'format/malformed');
  if (!isKnown && !(await anyHoldsBundles(places, signal))) throw nothingToRead(blemishes);
  return { vaultId, places, blemishes };
}

/** The vault file, or null where the place is reachable but has none. @throws as `get` and `parseVaultFile` do */
export async function readVaultFile(backend: ReadableBackend, signal?: AbortSignal): Promise<VaultFile | null> {
  try {
    return parseVaultFile(await backend.get(VAULT_FILE_NAME, { signal }));
  } catch (error) {
    if (isValenceError(error, 'backend/not-found')) return null;
    throw error;
  }
}

/** Where a holder's shard may be read: at the holder itself, else wherever a place could not say which holder it is. */
export function placesOf(places: readonly Place[], holder: Uint8Array): ReadableBackend[] {
  const id = uuidText(holder);
  const own = places.filter((place) => place.holder === id);
  const candidates = own.length > 0 ? own : places.filter((place) => place.holder === null);
  return candidates.map((place) => place.backend);
}

export function foreignVault(location: string, found: string, expected: string | null): ValenceError {
  return new ValenceError('backend/foreign-vault', `${location} belongs to another vault`, {
    hint: 'name only locations of one vault, and an empty one for a new backend',
    context: { location, found, expected },
  });
}

/** Where every `valence.json` is gone, key bundles still tell a vault from an empty folder. */
async function anyHoldsBundles(places: readonly Place[], signal?: AbortSignal): Promise<boolean> {
  const { objects } = await listEverywhere(places, 'keys/', signal);
  return objects.size > 0;
}

interface Look<B extends ReadableBackend> {
  readonly place: Place<B> | null;
  readonly file: VaultFile | null;
  readonly blemish: Blemish | null;
}

async function look<B extends ReadableBackend>(backend: B, signal?: AbortSignal): Promise<Look<B>> {
  const { location } = backend;
  try {
    const file = await readVaultFile(backend, signal);
    if (file !== null) return { place: { backend, holder: file.holder }, file, blemish: null };
    const error = new ValenceError('backend/not-found', `there is no ${VAULT_FILE_NAME} at ${location}`);
    return { place: { backend, holder: null }, file: null, blemish: { location, error } };
  } catch (error) {
    if (!isValenceError(error) || error.code === 'cancelled') throw error;
    const stillReadable = error.code === 'format/malformed';
    return { place: stillReadable ? { backend, holder: null } : null, file: null, blemish: { location, error } };
  }
}

function nothingToRead(blemishes: readonly Blemish[]): ValenceError {
  const newer = blemishes.find(({ error }) => error.code === 'format/newer');
  if (newer !== undefined) return newer.error;
  return new ValenceError('backend/unavailable', 'none of the locations holds a vault that can be read', {
    hint: 'check the locations, and that their disks are mounted',
    context: { locations: blemishes.map(({ location, error }) => ({ location, reason: error.message })) },
  });
}
