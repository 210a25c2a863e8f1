import type { FlagParametersForType } from '@stricli/core';
import type { BackendValues } from '../app/backup-calls.ts';
import { isSecretReference } from '../config/secret-reference.ts';
import { ValenceError } from '../core/errors.ts';
import type { CliContext } from './command-context.ts';
import { count, names, text } from './parsers.ts';

/** The options of `backup config` that say what and where a backend is: each is a key of `valence.yaml`. */

export interface BackendFlags {
  readonly path?: string | undefined;
  readonly mount?: string | undefined;
  readonly provider?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
  readonly bucket?: string | undefined;
  readonly prefix?: string | undefined;
  readonly pathStyle?: boolean | undefined;
  readonly keyId?: string | undefined;
  readonly key?: string | undefined;
  readonly sessionToken?: string | undefined;
  readonly credentials?: string | undefined;
  readonly storageClass?: string | undefined;
  readonly encryption?: string | undefined;
  readonly kmsKey?: string | undefined;
  readonly objectLock?: string | undefined;
  readonly api?: string | undefined;
  readonly auth?: string | undefined;
  readonly plainHttp?: boolean | undefined;
  readonly folder?: string | undefined;
  readonly gateway?: string | undefined;
  readonly pinning?: readonly BackendValues[] | undefined;
  readonly ipns?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly user?: string | undefined;
  readonly identity?: string | undefined;
  readonly passphrase?: string | undefined;
  readonly password?: string | undefined;
  readonly hostKey?: string | undefined;
  readonly domain?: BackendValues | undefined;
  readonly limits?: BackendValues | undefined;
  readonly prices?: BackendValues | undefined;
  readonly readOnly?: boolean | undefined;
  readonly unset?: readonly string[] | undefined;
}

/** Standard input, as the name of a secret. */
export const FROM_STANDARD_INPUT = '-';

const SECRET_OPTIONS: readonly (keyof BackendFlags)[] = ['key', 'sessionToken', 'auth', 'passphrase', 'password'];

export interface BackendSettings {
  readonly settings: BackendValues;
  /** The key whose secret comes by standard input. */
  readonly secretKey: string | null;
}

/** What was given, by the keys of `valence.yaml`. @throws `usage/invalid` where two secrets would come by standard input */
export function settingsOf(flags: BackendFlags): BackendSettings {
  const settings: Record<string, unknown> = {};
  const asked: string[] = [];
  for (const option of BACKEND_OPTIONS) {
    const value = flags[option];
    if (value === undefined || option === 'unset') continue;
    if (SECRET_OPTIONS.includes(option) && value === FROM_STANDARD_INPUT) asked.push(keyOf(option));
    else settings[keyOf(option)] = option === 'domain' ? shortDomain(flags.domain!) : value;
  }
  for (const key of flags.unset ?? []) settings[key] = null;
  if (asked.length > 1) {
    throw new ValenceError(
      'usage/invalid',
      `${asked.map((key) => `--${key}`).join(' and ')} cannot both be read from standard input`,
      {
        hint: 'put one of them into a file that only you can read, and name it with file:PATH',
      },
    );
  }
  return { settings, secretKey: asked[0] ?? null };
}

/** The device alone is written as it was given. */
function shortDomain(domains: BackendValues): unknown {
  return Object.keys(domains).join() === 'device' ? domains['device'] : domains;
}

/** `keyId` is `key-id`. */
export function keyOf(option: string): string {
  return option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `env:NAME`, `file:PATH` or `-`. What else is given may be the secret itself, and is not repeated. */
function secret(input: string): string {
  if (input === FROM_STANDARD_INPUT || isSecretReference(input)) return input;
  throw new Error(
    'takes no secret, since other users can read command lines: write env:NAME of a variable, file:PATH, or - for standard input',
  );
}

/** A number of TCP. */
function port(input: string): number {
  const given = count(input);
  if (given > 65_535) throw new Error('must be from 1 to 65535');
  return given;
}

/** A name is that of the device, else `provider=aws,region=eu-central-1`. */
function domain(input: string): BackendValues {
  return input.includes('=') ? pairs(text)(input) : { device: text(input) };
}

/** `upload=10MB/s,concurrency=4`; each value as `parse` reads it. */
function pairs(parse: (value: string, key: string) => unknown): (input: string) => BackendValues {
  return (input) => {
    const entries = input.split(',').map((pair) => {
      const [key = '', ...value] = pair.split('=');
      if (!/^[a-z][a-z0-9-]*$/.test(key.trim()) || value.length === 0) {
        throw new Error('is a list of KEY=VALUE, with commas between');
      }
      return [key.trim(), parse(value.join('=').trim(), key.trim())] as const;
    });
    return Object.fromEntries(entries);
  };
}

/** What is no number is left to the check of the configuration. */
function number(value: string): unknown {
  return /^[0-9]+(\.[0-9]+)?$/.test(value) ? Number(value) : value;
}

const optionalText = { kind: 'parsed', parse: text, optional: true } as const;
const optionalSecret = { kind: 'parsed', parse: secret, optional: true, placeholder: 'SECRET' } as const;
const optionalFlag = { kind: 'boolean', optional: true, withNegated: true } as const;

/** For a command's `flags`. */
export const BACKEND_FLAGS: FlagParametersForType<BackendFlags, CliContext> = {
  path: { ...optionalText, placeholder: 'DIR', brief: 'directory, sftp: the folder that holds the objects' },
  mount: { ...optionalText, placeholder: 'DIR', brief: 'directory: where a file system must be mounted' },
  provider: { ...optionalText, placeholder: 'NAME', brief: 's3: aws, backblaze, wasabi, cloudflare, garage, …' },
  endpoint: { ...optionalText, placeholder: 'URL', brief: 's3: left out where the provider and region tell it' },
  region: { ...optionalText, placeholder: 'NAME', brief: 's3: of the bucket' },
  bucket: { ...optionalText, placeholder: 'NAME', brief: 's3: the bucket' },
  prefix: { ...optionalText, placeholder: 'PATH', brief: 's3: only this part of the bucket' },
  pathStyle: { ...optionalFlag, brief: 's3: the bucket in the path of URLs, not in the host name' },
  keyId: { ...optionalText, placeholder: 'ID', brief: 's3: id of the access key' },
  key: { ...optionalSecret, brief: 's3: the access key: env:NAME, file:PATH, or - for standard input' },
  sessionToken: { ...optionalSecret, brief: 's3: the token of a key that ends' },
  credentials: {
    ...optionalText,
    placeholder: 'FROM',
    brief: 's3: instead of a key: profile:NAME, instance or environment',
  },
  storageClass: { ...optionalText, placeholder: 'CLASS', brief: 's3, or of a tier: the storage class of objects' },
  encryption: { ...optionalText, placeholder: 'KIND', brief: 's3: AES256 or aws:kms' },
  kmsKey: { ...optionalText, placeholder: 'ID', brief: 's3: the key for aws:kms' },
  objectLock: { ...optionalText, placeholder: 'MODE', brief: 's3: governance or compliance' },
  api: { ...optionalText, placeholder: 'URL', brief: 'ipfs: RPC of the node' },
  auth: { ...optionalSecret, brief: 'ipfs: bearer:TOKEN or basic:USER:PASSWORD, by reference' },
  plainHttp: { ...optionalFlag, brief: 'ipfs: allow http to a node on another machine' },
  folder: { ...optionalText, placeholder: 'PATH', brief: 'ipfs: folder of the node' },
  gateway: { ...optionalText, placeholder: 'URL', brief: 'ipfs: a trustless gateway to read by' },
  pinning: {
    kind: 'parsed',
    parse: pairs(text),
    optional: true,
    variadic: true,
    placeholder: 'endpoint=URL,token=SECRET',
    brief: 'ipfs: a service that is to pin; repeat for each',
  },
  ipns: { ...optionalText, placeholder: 'KEY', brief: 'ipfs: publish under this key of the node' },
  host: { ...optionalText, placeholder: 'HOST', brief: 'sftp: name or address' },
  port: { kind: 'parsed', parse: port, optional: true, placeholder: 'N', brief: 'sftp: left out, 22' },
  user: { ...optionalText, placeholder: 'NAME', brief: 'sftp: whom to log in as' },
  identity: { ...optionalText, placeholder: 'KEY', brief: 'sftp: agent, or file:PATH of a private key' },
  passphrase: { ...optionalSecret, brief: 'sftp: of the private key' },
  password: { ...optionalSecret, brief: 'sftp: instead of a key' },
  hostKey: {
    ...optionalText,
    placeholder: 'SHA256:…',
    brief: 'sftp: fingerprint of the host; left out, the first one seen',
  },
  domain: {
    kind: 'parsed',
    parse: domain,
    optional: true,
    placeholder: 'NAME|KIND=NAME,…',
    brief:
      'failure domains: the name of the device, or device, owner, region and provider; what shares one is lost together',
  },
  limits: {
    kind: 'parsed',
    parse: pairs((value, key) => (key === 'concurrency' ? number(value) : value)),
    optional: true,
    placeholder: 'KEY=VALUE,…',
    brief: 'upload=10MB/s, download=…, operations=50/s, concurrency=4, timeout=30s',
  },
  prices: {
    kind: 'parsed',
    parse: pairs(number),
    optional: true,
    placeholder: 'KEY=VALUE,…',
    brief: 'for estimates: per-1000-puts, per-gib-month, per-gib-egress, currency',
  },
  readOnly: { ...optionalFlag, brief: 'never write there' },
  unset: {
    kind: 'parsed',
    parse: names,
    optional: true,
    placeholder: 'KEY,…',
    brief: 'with --set-backend: take keys out',
  },
};

export const BACKEND_OPTIONS: readonly (keyof BackendFlags)[] = Object.keys(BACKEND_FLAGS) as (keyof BackendFlags)[];
