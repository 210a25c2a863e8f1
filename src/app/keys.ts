import { isValenceError, ValenceError } from '../core/errors.ts';
import { toHex } from '../core/bytes.ts';
import { readWholeFile, writeFileDurably } from '../core/files.ts';
import { uuidText } from '../core/ids.ts';
import { isHome } from '../config/home.ts';
import { createBundle } from '../format/keys/bundle.ts';
import { createHostKey, encodeHostKey, parseHostKey } from '../format/keys/host-key.ts';
import type { HostKey } from '../format/keys/host-key.ts';
import { encodeMasterKey, openMasterKey, parseMasterKey } from '../format/keys/master-key.ts';
import type { SealedMasterKey } from '../format/keys/master-key.ts';
import { createMasterSeed, ownerIdentity } from '../format/keys/owner.ts';
import type { OwnerIdentity } from '../format/keys/owner.ts';
import { recipientFingerprint } from '../format/keys/recipient.ts';
import { createSigningKey } from '../format/keys/signature.ts';
import { createGenerationSecrets } from '../format/keys/writer-secrets.ts';
import type { GenerationSecrets } from '../format/keys/writer-secrets.ts';
import type { AppContext } from './context.ts';
import type { KeyCalls, KeysCreated } from './vault-calls.ts';

/** The keys of an installation: where they lie, how they are made and opened. */

/** Only the owner of the account may read it. */
const KEY_FILE_MODE = 0o600;

export function keyCalls(context: AppContext): KeyCalls {
  return { init: () => initKeys(context) };
}

/** @throws `config/no-keys` when there is no host.key, `format/*` when it is damaged */
export async function readHostKey(context: AppContext): Promise<HostKey> {
  const bytes = await readWholeFile(context.home.hostKeyFile);
  if (bytes !== null) return parseHostKey(bytes);
  throw new ValenceError('config/no-keys', `there is no ${context.home.hostKeyFile}`, {
    hint: 'run `valence keys init` for a new vault, or `valence vault attach` to continue one',
  });
}

/** Null when this home has none. */
export async function findHostKey(context: AppContext): Promise<HostKey | null> {
  const bytes = await readWholeFile(context.home.hostKeyFile);
  return bytes === null ? null : parseHostKey(bytes);
}

/**
 * Opens master.key, asking for its passphrase.
 * @throws `config/no-keys` when there is no such file, `key/wrong-key` when it is a host.key, `key/passphrase`, `format/*`
 */
export async function openOwner(context: AppContext, keyFile: string | undefined): Promise<OwnerIdentity> {
  const path = keyFile ?? context.home.masterKeyFile;
  const bytes = await readWholeFile(path);
  if (bytes === null) {
    throw new ValenceError('config/no-keys', `there is no master key at ${path}`, { hint: 'name it with --key-file' });
  }
  const sealed = parseOwnerFile(path, bytes);
  return ownerIdentity(await openMasterKey(sealed, await context.passphrase()));
}

/** @throws `key/wrong-key` for the other key of a home, `format/*` */
function parseOwnerFile(path: string, bytes: Uint8Array): SealedMasterKey {
  try {
    return parseMasterKey(bytes);
  } catch (error) {
    if (!isValenceError(error, 'format/malformed') || !isHostKey(bytes)) throw error;
    throw new ValenceError('key/wrong-key', `${path} is a host.key, and the master key is needed`, {
      hint: 'name the master.key that `valence keys init` made, with --key-file',
      cause: error,
    });
  }
}

function isHostKey(bytes: Uint8Array): boolean {
  try {
    parseHostKey(bytes);
    return true;
  } catch (error) {
    if (isValenceError(error)) return false;
    throw error;
  }
}

export interface NewWriter {
  readonly vaultId: Uint8Array;
  readonly generation: Uint8Array;
  readonly secrets: GenerationSecrets;
}

/** A host key for a writer of its own, with the bundle that the owner signs for it. */
export function createWriter(context: AppContext, owner: OwnerIdentity, of: NewWriter): HostKey {
  const { random, clock } = context;
  const opened = { secrets: of.secrets, signingKey: createSigningKey(random) };
  const recipients = [owner.public.recipient];
  const ids = { vaultId: of.vaultId, generation: of.generation, writerId: random.bytes(16) };
  const bundle = createBundle({ ...ids, ...opened, createdAt: clock.now(), recipients }, owner.signingKey, random);
  return createHostKey({ bundle, opened, owner: owner.public, recipients });
}

/** @throws `config/home-exists` when the file is there already */
export async function writeKeyFile(path: string, bytes: Uint8Array): Promise<void> {
  await refuseExisting(path, 'move it away if you want new keys; snapshots made with it need it');
  await writeFileDurably(path, bytes, { mode: KEY_FILE_MODE, exclusive: true });
}

async function refuseExisting(path: string, hint: string): Promise<void> {
  if ((await readWholeFile(path)) === null) return;
  throw new ValenceError('config/home-exists', `${path} exists already and is never replaced`, { hint });
}

async function initKeys(context: AppContext): Promise<KeysCreated> {
  const { home, random } = context;
  if (!(await isHome(home)))
    throw new ValenceError('config/no-home', `there is no home at ${home.root}`, { hint: 'run `valence init` first' });
  await context.lock();
  await refuseExisting(home.hostKeyFile, 'move it away if you want new keys; snapshots made with it need it');
  await refuseExisting(
    home.masterKeyFile,
    'there is no host.key beside it: remove it if an interrupted `valence keys init` left it; if it has made snapshots, use `valence vault attach`',
  );
  const seed = createMasterSeed(random);
  const owner = ownerIdentity(seed);
  const passphrase = await context.passphrase();
  const host = createWriter(context, owner, {
    vaultId: random.bytes(16),
    generation: random.bytes(16),
    secrets: createGenerationSecrets(random),
  });
  await writeKeyFile(home.masterKeyFile, await encodeMasterKey(seed, passphrase, random));
  await writeKeyFile(home.hostKeyFile, encodeHostKey(host));
  return {
    type: 'keys',
    masterKeyPath: home.masterKeyFile,
    hostKeyPath: home.hostKeyFile,
    vaultId: uuidText(host.vaultId),
    fingerprint: toHex(recipientFingerprint(owner.public.recipient)),
  };
}
