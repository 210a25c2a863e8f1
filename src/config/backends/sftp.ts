import { isAbsolute, resolve } from 'node:path';
import { z } from 'zod';
import { parseSecretReference } from '../secret-reference.ts';
import type { SecretReference } from '../secret-reference.ts';
import { host, isDomainLabel, line, parsed, port, secret, SECTION_RULE, text } from './fields.ts';
import type { SectionOf } from './fields.ts';
import type { Kind, KindProblem } from './kind.ts';
import { absoluteSecret } from './s3.ts';
import { completeSettings, FREE, SETTINGS } from './settings.ts';
import type { BackendSettings, RawSettings } from './settings.ts';

/** A folder of a host that is reached over SSH. */

export interface RawSftp extends RawSettings {
  readonly type: 'sftp';
  readonly host: string;
  readonly port?: number | undefined;
  readonly user: string;
  readonly path: string;
  readonly identity?: string | undefined;
  readonly passphrase?: string | undefined;
  readonly password?: string | undefined;
  readonly 'host-key'?: string | undefined;
}

export interface SftpConfig extends BackendSettings {
  readonly type: 'sftp';
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Of that host; one that is not absolute begins at the user's own folder. */
  readonly path: string;
  readonly login: SftpLogin;
  /** `SHA256:…` of the host's key; null: the one seen first, remembered. */
  readonly hostKey: string | null;
}

export type SftpLogin =
  | { readonly kind: 'agent' }
  | { readonly kind: 'identity'; readonly identity: SecretReference; readonly passphrase: SecretReference | null }
  | { readonly kind: 'password'; readonly password: SecretReference };

const DEFAULT_PORT = 22;
const IDENTITY_RULE = 'must be agent, or file:PATH of a private key';

const schema: SectionOf<RawSftp> = z.strictObject(
  {
    type: z.literal('sftp'),
    host,
    port: port.optional(),
    user: text.refine((value) => /^[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,127}$/.test(value), {
      error: 'must be the name of a user',
    }),
    path: line,
    identity: parsed(parseIdentity, IDENTITY_RULE).optional(),
    passphrase: secret.optional(),
    password: secret.optional(),
    'host-key': text
      .refine((value) => /^SHA256:[A-Za-z0-9+/]{43}=?$/.test(value), { error: 'must be a fingerprint, SHA256:…' })
      .optional(),
    ...SETTINGS,
  },
  { error: SECTION_RULE },
);

export const sftp: Kind<RawSftp, SftpConfig> = {
  schema,
  problems: loginProblems,
  absolute: (raw, folder) => ({
    ...raw,
    ...absoluteSecret('identity', raw.identity, folder),
    ...absoluteSecret('passphrase', raw.passphrase, folder),
    ...absoluteSecret('password', raw.password, folder),
  }),
  complete: (raw, name, folder) => ({
    ...completeSettings(raw, { device: deviceOf(raw.host, name), prices: FREE }),
    type: 'sftp',
    host: raw.host,
    port: raw.port ?? DEFAULT_PORT,
    user: raw.user,
    path: raw.path.replace(/(?<=.)\/+$/, ''),
    login: loginOf(raw, folder),
    hostKey: raw['host-key'] ?? null,
  }),
  place: (config) => ({
    store: `${config.host}:${config.port}${isAbsolute(config.path) ? '' : ` of ${config.user}`}`,
    path: resolve('/', config.path),
    key: 'path',
  }),
  location: ({ host: at, port: number, user, path }) => {
    const authority = `${encodeURIComponent(user)}@${at.includes(':') ? `[${at}]` : at}:${number}`;
    return `sftp://${authority}${isAbsolute(path) ? path : `/~/${path}`}`;
  },
};

/** Backends on one host are lost together. */
function deviceOf(at: string, name: string): string {
  const device = at.toLowerCase().replaceAll(/[:_]/g, '-');
  return isDomainLabel(device) ? device : name;
}

function parseIdentity(value: string): string | null {
  return value === 'agent' || parseSecretReference(value, '/')?.kind === 'file' ? value : null;
}

function loginOf({ identity = 'agent', passphrase, password }: RawSftp, folder: string): SftpLogin {
  if (password !== undefined) return { kind: 'password', password: parseSecretReference(password, folder)! };
  if (identity === 'agent') return { kind: 'agent' };
  return {
    kind: 'identity',
    identity: parseSecretReference(identity, folder)!,
    passphrase: passphrase === undefined ? null : parseSecretReference(passphrase, folder),
  };
}

function loginProblems({ identity, passphrase, password }: RawSftp): KindProblem[] {
  if (password !== undefined && identity !== undefined) {
    return [{ key: 'password', atKey: true, message: 'cannot stand beside identity', hint: 'keep one of them' }];
  }
  if (passphrase !== undefined && (identity === undefined || identity === 'agent')) {
    return [{ key: 'passphrase', atKey: true, message: 'belongs to identity: file:PATH' }];
  }
  return [];
}
