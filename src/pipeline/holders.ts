import type { Backend } from '../backends/backend.ts';
import { isValenceError, ValenceError } from '../core/errors.ts';
import { uuidText } from '../core/ids.ts';
import type { Random } from '../core/random.ts';
import { encodeVaultFile, VAULT_FILE_NAME } from '../format/vault-file.ts';
import type { VaultFile } from '../format/vault-file.ts';
import type { Domains } from '../placement/failure-domains.ts';
import { foreignVault, readVaultFile } from '../vault/places.ts';
import type { Blemish } from '../vault/places.ts';

/** A configured backend that takes part in a run. */
export interface WritableHolder {
  /** UUID text, from its `valence.json`. */
  readonly holder: string;
  readonly backend: Backend;
  readonly name: string;
  readonly type: string;
  readonly domains: Domains;
  /** It was empty until this run made it a holder. */
  readonly isNew: boolean;
}

/** A backend as configured, before its `valence.json` has been looked at. */
export interface ConfiguredBackend extends Omit<WritableHolder, 'holder' | 'isNew'> {}

export interface PreparedHolders {
  readonly holders: readonly WritableHolder[];
  readonly away: readonly Blemish[];
}

/**
 * Makes each backend a holder of this vault: an empty place gets a `valence.json` with a new identity, so that it is never
 * taken for the place that was lost. Backends that are away or damaged are left out of the run and reported, and so is one
 * that says it is the same holder as another: a copied folder keeps nothing that the other does not.
 * @throws `backend/foreign-vault`, `format/newer`
 */
export async function prepareHolders(
  backends: readonly ConfiguredBackend[],
  vaultId: string,
  random: Random,
  signal?: AbortSignal,
): Promise<PreparedHolders> {
  const results = await Promise.all(backends.map(async (configured) => prepare(configured, vaultId, random, signal)));
  const holders = new Map<string, WritableHolder>();
  const away: Blemish[] = [];
  for (const result of results) {
    if ('error' in result) away.push(result);
    else if (holders.has(result.holder)) away.push(repeated(result, holders.get(result.holder)!));
    else holders.set(result.holder, result);
  }
  return { holders: [...holders.values()], away };
}

function repeated({ name, backend: { location } }: WritableHolder, first: WritableHolder): Blemish {
  const error = new ValenceError(
    'backend/unavailable',
    `it is a copy of backend ${first.name} (${first.backend.location}) and counts only once`,
    {
      hint: `give backend ${name} an empty folder of its own`,
      context: { location, copyOf: first.backend.location, holder: first.holder },
    },
  );
  return { location, error };
}

async function prepare(
  configured: ConfiguredBackend,
  vaultId: string,
  random: Random,
  signal?: AbortSignal,
): Promise<WritableHolder | Blemish> {
  const { backend } = configured;
  try {
    const found = await findVaultFile(backend, signal);
    const file = found ?? (await claim(backend, vaultId, random, signal));
    if (file.vaultId !== vaultId) throw foreignVault(backend.location, file.vaultId, vaultId);
    return { ...configured, holder: file.holder, isNew: found === null };
  } catch (error) {
    signal?.throwIfAborted();
    if (!isValenceError(error) || isValenceError(error, 'backend/foreign-vault', 'format/newer', 'internal/invariant'))
      throw error;
    return { location: backend.location, error };
  }
}

/** Null: an empty place. A key that may not read still tells that one from another by listing it. */
async function findVaultFile(backend: Backend, signal?: AbortSignal): Promise<VaultFile | null> {
  try {
    return await readVaultFile(backend, signal);
  } catch (error) {
    if (!isValenceError(error, 'backend/denied')) throw error;
    for await (const _ of backend.list('', { signal })) throw unknownPlace(error);
    return null;
  }
}

/** A key that can only add, where this host never was or has lost what it knew. */
function unknownPlace(error: ValenceError): ValenceError {
  return new ValenceError('backend/denied', `${error.message}, and this host does not know the place`, {
    hint: 'use a key that can read for one run, after which one that can only add will do; or give an empty bucket or prefix',
    context: error.context,
    cause: error,
  });
}

async function claim(backend: Backend, vaultId: string, random: Random, signal?: AbortSignal): Promise<VaultFile> {
  const file = { vaultId, holder: newHolderId(random) };
  try {
    await backend.put(VAULT_FILE_NAME, encodeVaultFile(file), { signal });
    return file;
  } catch (error) {
    const winner = isValenceError(error, 'backend/already-exists') ? await readVaultFile(backend, signal) : null;
    if (winner === null) throw error;
    return winner;
  }
}

/** A random (version 4) UUID. */
function newHolderId(random: Random): string {
  const bytes = Buffer.from(random.bytes(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return uuidText(bytes);
}

/** What would help with all of them, where they have that in common. */
function wayOut(reasons: readonly Blemish[]): string {
  const hints = new Set(reasons.map(({ error }) => error.hint));
  const [hint] = hints;
  return hints.size === 1 && hint !== undefined ? hint : 'bring the backends back, or change the tier';
}

/** That a run cannot commit: the reason of the first backend that refused, or that too few are there. */
export function tooFewHolders(needed: number, present: number, reasons: readonly Blemish[]): ValenceError {
  const full = reasons.find(({ error }) => error.code === 'backend/full');
  const code = full === undefined ? 'backend/unavailable' : 'backend/full';
  return new ValenceError(
    code,
    `only ${present} ${present === 1 ? 'backend takes' : 'backends take'} shards and ${needed} ${needed === 1 ? 'is' : 'are'} needed; nothing was committed`,
    {
      hint: full === undefined ? wayOut(reasons) : 'make room, or add a backend',
      context: { reasons: reasons.map(({ location, error }) => ({ location, reason: error.message })) },
    },
  );
}
