import { DatabaseCatalog } from '../catalog/database-catalog.ts';
import { readWholeFile } from '../core/files.ts';
import { ValenceError } from '../core/errors.ts';
import { uuidBytes, uuidText } from '../core/ids.ts';
import { encodeHostKey, parseHostKey } from '../format/keys/host-key.ts';
import { bundleObjectName } from '../vault/keyring.ts';
import type { AppContext } from './context.ts';
import { createWriter, openOwner, writeKeyFile } from './keys.ts';
import { openLocations } from './places.ts';
import type { AttachOptions, VaultAttached } from './vault-calls.ts';
import { openVaultFrom } from './vault-reading.ts';

/**
 * Lets this home continue a vault: a writer of its own in the vault's newest generation, signed by the owner. What this
 * host remembered of the vault is forgotten, so that what the places hold is taken as it is.
 */
export async function attachVault(context: AppContext, options: AttachOptions): Promise<VaultAttached> {
  const { config } = await context.configFile();
  await context.lock();
  const owner = await openOwner(context, options.keyFile);
  const vault = await openVaultFrom(context, options.from, { kind: 'owner', identity: owner });
  const { vaultId, bundles } = vault.keyring;
  await refuseOtherKey(context, vaultId);
  const generation = uuidText(bundles[0]!.header.generation);
  const secrets = vault.keyring.secrets(generation)!;
  const existing = await readWholeFile(context.home.hostKeyFile);
  const host = existing === null ? createWriter(context, owner, { vaultId: uuidBytes(vaultId), generation: uuidBytes(generation), secrets }) : parseHostKey(existing);
  const opened = await openLocations(context, options.from.length > 0 ? options.from : [...config.backends.keys()]);
  const object = bundleObjectName(host.generation, host.writerId, host.bundle);
  for (const backend of opened.backends) await backend.put(object, host.bundle, { signal: context.signal });
  if (existing === null) await writeKeyFile(context.home.hostKeyFile, encodeHostKey(host));
  const catalog = new DatabaseCatalog(await context.database(), vaultId, context.clock);
  for (const { tier } of await catalog.heads()) await catalog.forget(tier);
  return {
    type: 'attached',
    vaultId,
    hostKeyPath: context.home.hostKeyFile,
    backends: [...config.backends.keys()],
    tiers: [...config.tiers.keys()],
  };
}

/** A host key of the same vault may stay; one of another is never replaced. */
async function refuseOtherKey(context: AppContext, vaultId: string): Promise<void> {
  const bytes = await readWholeFile(context.home.hostKeyFile);
  if (bytes === null || uuidText(parseHostKey(bytes).vaultId) === vaultId) return;
  throw new ValenceError('backend/foreign-vault', `${context.home.hostKeyFile} belongs to another vault`, {
    hint: 'attach in a home of its own, or move host.key away',
  });
}
