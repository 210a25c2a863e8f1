import { BACKEND_TYPES } from '../config/schema.ts';
import type { BackendType, Config, TierConfig } from '../config/schema.ts';
import type { ConfigFile } from '../config/config-file.ts';
import { ValenceError } from '../core/errors.ts';
import { makeFolderDurably } from '../core/files.ts';
import { uuidText } from '../core/ids.ts';
import { nearest } from '../core/nearest.ts';
import { promisedBy } from '../placement/promise.ts';
import type { AddBackend, ConfigurationEdit, ConfigurationView, SetTier } from './backup-calls.ts';
import type { AppContext } from './context.ts';
import { findHostKey } from './keys.ts';
import { profileOf } from './profile.ts';

/** `backup config`: edits `valence.yaml` without losing what a person wrote there. */
export async function configureBackups(
  context: AppContext,
  edit: ConfigurationEdit | null,
): Promise<ConfigurationView> {
  const file = await context.configFile();
  if (edit !== null) {
    await applyEdit(file, edit);
    await file.save();
  }
  return view(context, file);
}

async function applyEdit(file: ConfigFile, edit: ConfigurationEdit): Promise<void> {
  switch (edit.kind) {
    case 'add-backend':
      return addBackend(file, edit);
    case 'remove-backend':
      return file.removeBackend(edit.name);
    case 'set-tier':
      return setTier(file, edit);
  }
}

async function addBackend(file: ConfigFile, edit: AddBackend): Promise<void> {
  const type = edit.type ?? edit.name;
  if (!isBackendType(type)) throw unknownType(type, edit.type === null);
  if (edit.path === null)
    throw new ValenceError('usage/invalid', `a backend of type ${type} needs --path`, {
      hint: 'name the folder to keep objects in',
    });
  file.addBackend(edit.name, { type, path: edit.path, ...(edit.domain === null ? {} : { domain: edit.domain }) });
  await makeFolderDurably(file.config.backends.get(edit.name)!.path);
}

function setTier(file: ConfigFile, edit: SetTier): void {
  const existing = file.config.tiers.get(edit.name);
  const backends = edit.backends ?? existing?.backends;
  const profile = edit.profile ?? existing?.profile;
  if (backends === undefined || profile === undefined) {
    throw new ValenceError('usage/invalid', `a new tier needs --backends, and --erasure K/N or --copies N`);
  }
  file.setTier(edit.name, { backends, profile });
}

function isBackendType(text: string): text is BackendType {
  return (BACKEND_TYPES as readonly string[]).includes(text);
}

function unknownType(type: string, fromName: boolean): ValenceError {
  const message = fromName ? `the name ${type} is no type, so --type is needed` : `there is no backend type ${type}`;
  const near = nearest(type, BACKEND_TYPES);
  const known = `the types are ${BACKEND_TYPES.join(', ')}`;
  return new ValenceError('usage/invalid', message, { hint: near === null ? known : `did you mean ${near}? ${known}` });
}

async function view(context: AppContext, { path, config }: ConfigFile): Promise<ConfigurationView> {
  const key = await findHostKey(context);
  return {
    type: 'configuration',
    file: path,
    vaultId: key === null ? null : uuidText(key.vaultId),
    backends: [...config.backends].map(([name, backend]) => ({
      name,
      type: backend.type,
      location: backend.path,
      domain: backend.domain,
    })),
    tiers: [...config.tiers].map(([name, tier]) => ({
      name,
      backends: tier.backends,
      profile: tier.profile,
      survives: survivesOf(config, tier),
    })),
  };
}

function survivesOf(config: Config, tier: TierConfig): number {
  return promisedBy(
    profileOf(tier.profile),
    tier.backends.map((name) => [config.backends.get(name)!.domain]),
  );
}
