import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { KIND_NAMES, kindNamed, kindOf } from '../config/backends/kinds.ts';
import { BACKEND_TYPES, backendKeys } from '../config/schema.ts';
import type { BackendConfig, BackendType, Config, TierConfig } from '../config/schema.ts';
import type { BackendValues, ConfigFile } from '../config/config-file.ts';
import { utf8 } from '../core/bytes.ts';
import { ValenceError } from '../core/errors.ts';
import { makeFolderDurably, translated, writeFileDurably } from '../core/files.ts';
import { uuidText } from '../core/ids.ts';
import { nearest } from '../core/nearest.ts';
import { promisedBy } from '../placement/promise.ts';
import type { AddBackend, ConfigurationEdit, ConfigurationView, SetBackend, SetTier } from './backup-calls.ts';
import type { AppContext } from './context.ts';
import { findHostKey } from './keys.ts';
import { hostKeyPin } from './host-key-pin.ts';
import { openBackend } from './open-backend.ts';
import { profileOf } from './profile.ts';

/** `backup config`: edits `valence.yaml` without losing what a person wrote there. */
export async function configureBackups(
  context: AppContext,
  edit: ConfigurationEdit | null,
): Promise<ConfigurationView> {
  const file = await context.configFile();
  if (edit === null) return view(context, file, []);
  await applyEdit(context, file, edit);
  await file.save();
  if (edit.kind === 'remove-backend') await forgetBackend(context, edit.name);
  const notes = edit.kind === 'add-backend' ? await pinnedNotes(context, file.config, edit.name) : [];
  return view(context, file, notes);
}

/** An SSH host is trusted by the key that it showed first, so the person is told which that was. */
async function pinnedNotes({ home }: AppContext, { backends }: Config, name: string): Promise<readonly string[]> {
  const config = backends.get(name);
  if (config?.type !== 'sftp' || config.hostKey !== null) return [];
  const shown = await hostKeyPin(join(home.placesFolder, name)).pinned();
  if (shown === null) return [];
  return [
    `${config.host} showed the host key ${shown}, which is trusted from now on: ` +
      'compare it with `ssh-keygen -lf` of /etc/ssh/ssh_host_*_key.pub on the server itself',
  ];
}

async function applyEdit(context: AppContext, file: ConfigFile, edit: ConfigurationEdit): Promise<void> {
  switch (edit.kind) {
    case 'add-backend':
      return addBackend(context, file, edit);
    case 'set-backend':
      return setBackend(context, file, edit);
    case 'remove-backend':
      return file.removeBackend(edit.name);
    case 'set-tier':
      return setTier(file, edit);
  }
}

async function addBackend(context: AppContext, file: ConfigFile, edit: AddBackend): Promise<void> {
  const word = edit.type ?? edit.name;
  const kind = kindNamed(word);
  if (kind === null) throw unknownType(word, edit.type === null);
  refuseOtherKeys(kind.type, edit);
  const { settings, kept, discarded } = withSecrets(context, edit);
  file.addBackend(edit.name, { ...kind, ...settings });
  await kept();
  await forgetPlace(context, edit.name);
  try {
    await makePlace(context, edit.name, file.config.backends.get(edit.name)!);
  } catch (error) {
    await discarded();
    throw error;
  }
}

async function setBackend(context: AppContext, file: ConfigFile, edit: SetBackend): Promise<void> {
  const known = file.config.backends.get(edit.name);
  if (known !== undefined) refuseOtherKeys(known.type, edit);
  const { settings, kept } = withSecrets(context, edit);
  file.setBackend(edit.name, settings);
  await kept();
  const now = file.config.backends.get(edit.name)!;
  if (known !== undefined && placeOf(known) !== placeOf(now)) await forgetPlace(context, edit.name);
}

function placeOf(config: BackendConfig): string {
  const { store, path } = kindOf(config.type).place(config);
  return `${store} ${path}`;
}

/** What a disk or a host of one's own can be given; a bucket is made with its provider, who asks about much else. */
async function makePlace(context: AppContext, name: string, config: BackendConfig): Promise<void> {
  if (config.type !== 'directory' && config.type !== 'sftp') return;
  await context.release(await openBackend(context, config, { name, isConfigured: true, mayMake: true }));
}

/** Also the secrets that were given for it, which nothing names any more. */
async function forgetBackend(context: AppContext, name: string): Promise<void> {
  await forgetPlace(context, name);
  const keys = new Set(BACKEND_TYPES.flatMap((type) => backendKeys(type)));
  for (const key of keys) await removeFile(secretPath(context, name, key));
}

function secretPath({ home }: AppContext, name: string, key: string): string {
  return join(home.secretsFolder, `${name}-${key}`);
}

function removeFile(path: string): Promise<void> {
  return translated('remove', path, () => rm(path, { force: true }));
}

/** What this host remembers of a backend says nothing of the next one of that name. */
function forgetPlace({ home }: AppContext, name: string): Promise<void> {
  const folder = join(home.placesFolder, name);
  return translated('remove', folder, () => rm(folder, { recursive: true, force: true }));
}

interface WithSecrets {
  readonly settings: BackendValues;
  /** Writes the files, once the configuration that names them has been found right. */
  readonly kept: () => Promise<void>;
  readonly discarded: () => Promise<void>;
}

function withSecrets(context: AppContext, { name, settings, secrets = {} }: AddBackend | SetBackend): WithSecrets {
  const { secretsFolder } = context.home;
  const files = Object.entries(secrets).map(([key, secret]) => {
    if (secret === '')
      throw new ValenceError('usage/invalid', `the secret for ${key} is empty`, { hint: 'give it in one line' });
    return { key, secret, path: secretPath(context, name, key) };
  });
  return {
    settings: { ...settings, ...Object.fromEntries(files.map(({ key, path }) => [key, `file:${path}`])) },
    async kept() {
      if (files.length > 0) await makeFolderDurably(secretsFolder, { mode: 0o700 });
      for (const { path, secret } of files) await writeFileDurably(path, utf8(`${secret}\n`), { mode: 0o600 });
    },
    async discarded() {
      for (const { path } of files) await removeFile(path);
    },
  };
}

function setTier(file: ConfigFile, edit: SetTier): void {
  const existing = file.config.tiers.get(edit.name);
  const backends = edit.backends ?? existing?.backends;
  const profile = edit.profile ?? existing?.profile;
  if (backends === undefined || profile === undefined) {
    throw new ValenceError('usage/invalid', `a new tier needs --backends, and --erasure K/N or --copies N`);
  }
  const { survives, lock, storageClass } = edit;
  file.setTier(edit.name, { backends, profile, survives, lock, storageClass });
}

/** Settings of another kind, by name. */
function refuseOtherKeys(type: BackendType, { name, settings, secrets = {} }: AddBackend | SetBackend): void {
  const known = backendKeys(type);
  const stray = [...Object.keys(settings), ...Object.keys(secrets)].find((key) => !known.includes(key));
  if (stray === undefined) return;
  const kinds = BACKEND_TYPES.filter((other) => backendKeys(other).includes(stray));
  const message = `--${stray} does not fit backend ${name}, which is of type ${type}`;
  throw new ValenceError('usage/invalid', message, {
    hint:
      kinds.length === 0
        ? `${type} takes ${optionsOf(type)}`
        : `it belongs to ${kinds.join(', ')}; ${type} takes ${optionsOf(type)}`,
  });
}

function optionsOf(type: BackendType): string {
  return backendKeys(type)
    .filter((key) => key !== 'type')
    .map((key) => `--${key}`)
    .join(', ');
}

function unknownType(word: string, fromName: boolean): ValenceError {
  const message = fromName ? `the name ${word} is no type, so --type is needed` : `there is no backend type ${word}`;
  const near = nearest(word, KIND_NAMES);
  const types = BACKEND_TYPES.join(', ');
  const known = `the types are ${types}, or the name of a provider: ${otherNames()}`;
  return new ValenceError('usage/invalid', message, { hint: near === null ? known : `did you mean ${near}? ${known}` });
}

function otherNames(): string {
  return KIND_NAMES.filter((word) => !BACKEND_TYPES.some((type) => type === word)).join(', ');
}

async function view(
  context: AppContext,
  { path, config }: ConfigFile,
  notes: readonly string[],
): Promise<ConfigurationView> {
  const key = await findHostKey(context);
  return {
    type: 'configuration',
    file: path,
    vaultId: key === null ? null : uuidText(key.vaultId),
    backends: [...config.backends].map(([name, { type, location, domains, readOnly }]) => ({
      name,
      type,
      location,
      domains,
      readOnly,
    })),
    tiers: [...config.tiers].map(([name, tier]) => ({
      name,
      backends: tier.backends,
      profile: tier.profile,
      survives: survivesOf(config, tier),
      required: tier.survives,
      lock: tier.written.lock ?? null,
    })),
    notes,
  };
}

function survivesOf(config: Config, tier: TierConfig): number {
  return promisedBy(
    profileOf(tier.profile),
    tier.backends.map((name) => config.backends.get(name)!.domains),
  );
}
