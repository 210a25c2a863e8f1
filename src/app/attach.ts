import { resolve } from 'node:path';
import type { Backend, ObjectName } from '../backends/backend.ts';
import { DatabaseCatalog } from '../catalog/database-catalog.ts';
import { JournalFolder } from '../catalog/upload-journal.ts';
import { configFromSnapshot } from '../config/config-snapshot.ts';
import type { TierEdit } from '../config/config-file.ts';
import { isSamePlace } from '../config/backends/kinds.ts';
import { completeBackend } from '../config/schema.ts';
import type { Config, RawBackend, TierConfig } from '../config/schema.ts';
import { readWholeFile } from '../core/files.ts';
import { isValenceError, ValenceError } from '../core/errors.ts';
import { uuidBytes, uuidText } from '../core/ids.ts';
import { encodeHostKey, parseHostKey } from '../format/keys/host-key.ts';
import { openBody } from '../format/snapshot/manifest.ts';
import { bundleObjectName } from '../vault/keyring.ts';
import { partRefused, readPart } from '../schema/part-mark.ts';
import { findSnapshots, holderNames } from '../vault/snapshots.ts';
import type { AppContext } from './context.ts';
import { createWriter, openOwner, writeKeyFile } from './keys.ts';
import { openLocations } from './places.ts';
import type { AttachOptions, VaultAttached } from './vault-calls.ts';
import { openVaultFrom } from './vault-reading.ts';
import type { OpenedVault } from './vault-reading.ts';

/**
 * Lets this home continue a vault: a writer of its own in the vault's newest generation, signed by the owner. What this
 * host remembered of the vault is forgotten, so that what the places hold is taken as it is.
 * @throws `usage/invalid` for a database that holds only a part of a snapshot
 */
export async function attachVault(context: AppContext, options: AttachOptions): Promise<VaultAttached> {
  await context.lock();
  await refusePart(context);
  const owner = await openOwner(context, options.keyFile);
  const vault = await openVaultFrom(context, options.from, { kind: 'owner', identity: owner });
  const { vaultId, bundles } = vault.keyring;
  await refuseOtherKey(context, vaultId);
  const generation = uuidText(bundles[0]!.header.generation);
  const secrets = vault.keyring.secrets(generation)!;
  const existing = await readWholeFile(context.home.hostKeyFile);
  const host =
    existing === null
      ? createWriter(context, owner, { vaultId: uuidBytes(vaultId), generation: uuidBytes(generation), secrets })
      : parseHostKey(existing);
  const configured = (await context.configFile()).config.backends;
  const opened = await openLocations(context, options.from.length > 0 ? options.from : [...configured.keys()]);
  const object = bundleObjectName(host.generation, host.writerId, host.bundle);
  const backends = opened.backends.map(({ backend }) => backend);
  await storeAnywhere(backends, object, host.bundle, context.signal);
  if (existing === null) await writeKeyFile(context.home.hostKeyFile, encodeHostKey(host));
  const config = await adoptPlaces(context, vault);
  const catalog = new DatabaseCatalog(await context.database(), vaultId, context.clock);
  for (const { tier } of await catalog.heads()) await catalog.forget(tier);
  await using journal = new JournalFolder({ ...host, folder: context.home.journalFolder });
  for (const tier of config.tiers.keys()) await journal.clear(tier);
  return {
    type: 'attached',
    vaultId,
    hostKeyPath: context.home.hostKeyFile,
    backends: [...config.backends.keys()],
    tiers: [...config.tiers.keys()],
  };
}

/**
 * Takes backends and tiers over from the newest snapshot into `valence.yaml`: on new hardware the places lie elsewhere, so a
 * backend that is among those named gets the path under which it was found. What the file says otherwise stays.
 */
async function adoptPlaces(context: AppContext, { places, keyring, located }: OpenedVault): Promise<Config> {
  const file = await context.configFile();
  const { snapshots } = await findSnapshots(places, keyring, null, context.signal);
  const newest = snapshots.at(-1);
  if (newest === undefined || keyring.owner === null) return file.config;
  const names = holderNames(snapshots);
  const stored = configFromSnapshot(openBody(newest.manifest, keyring.owner).configuration);
  for (const { backend, holder } of places) {
    const name = holder === null ? undefined : names.get(holder);
    const written = located.find((place) => place.backend === backend)?.written ?? null;
    if (name === undefined || written === null || isConfigured(file.config, written)) continue;
    if (file.config.backends.has(name)) file.moveBackend(name, written);
    else file.addBackend(name, { ...settingsOf(stored, name, written.type), ...written });
  }
  for (const [name, tier] of stored.tiers) {
    const complete = tier.backends.every((backend) => file.config.backends.has(backend));
    if (complete && !file.config.tiers.has(name)) file.setTier(name, tierEdit(tier));
  }
  await file.save();
  return file.config;
}

function isConfigured(config: Config, written: RawBackend): boolean {
  const place = completeBackend('location', written, resolve('.'));
  return [...config.backends.values()].some((backend) => isSamePlace(backend, place));
}

/** What the stored configuration says of it beside where it is: its failure domains, limits and keys. */
function settingsOf(stored: Config, name: string, type: RawBackend['type']): Partial<RawBackend> {
  const written = stored.backends.get(name)?.written;
  return written?.type === type ? written : {};
}

function tierEdit({ backends, profile, written }: TierConfig): TierEdit {
  const { survives, lock, 'storage-class': storageClass } = written;
  return { backends, profile, survives, lock, storageClass };
}

/** One place is enough, since each run brings the bundle wherever it lacks. @throws what the last place said when none took it */
async function storeAnywhere(
  backends: readonly Backend[],
  object: ObjectName,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  let [took, refusal]: [number, ValenceError | null] = [0, null];
  for (const backend of backends) {
    try {
      await backend.put(object, bytes, { signal });
      took += 1;
    } catch (error) {
      signal.throwIfAborted();
      if (!isValenceError(error) || !error.code.startsWith('backend/')) throw error;
      refusal = error;
    }
  }
  if (took === 0 && refusal !== null) throw refusal;
}

/** The next backup would make the part the vault's newest snapshot, from which all else is missing. */
async function refusePart(context: AppContext): Promise<void> {
  const database = await context.database();
  const part = await readPart(database);
  if (part === null) return;
  const hint =
    'restore the whole snapshot into another place and attach that, or run `valence keys init` for a new vault';
  throw partRefused(database.location, part, hint);
}

/** A host key of the same vault may stay; one of another is never replaced. */
async function refuseOtherKey(context: AppContext, vaultId: string): Promise<void> {
  const bytes = await readWholeFile(context.home.hostKeyFile);
  if (bytes === null || uuidText(parseHostKey(bytes).vaultId) === vaultId) return;
  throw new ValenceError('backend/foreign-vault', `${context.home.hostKeyFile} belongs to another vault`, {
    hint: 'attach in a home of its own, or move host.key away',
  });
}
