import { z } from 'zod';
import { S3_PROVIDERS, endpointOf, providerOfEndpoint, s3Preset } from '../../backends/s3/providers.ts';
import type { S3Preset, S3Provider } from '../../backends/s3/providers.ts';
import { parseSecretReference, secretReferenceText } from '../secret-reference.ts';
import type { SecretReference } from '../secret-reference.ts';
import {
  flag,
  line,
  missingOr,
  oneOf,
  parsed,
  secret,
  SECTION_RULE,
  serviceUrl,
  storageClass,
  text,
} from './fields.ts';
import type { SectionOf } from './fields.ts';
import type { Kind, KindProblem } from './kind.ts';
import { S3_PRICES } from './s3-prices.ts';
import { completeSettings, SETTINGS } from './settings.ts';
import type { BackendSettings, RawSettings } from './settings.ts';

/** A bucket of a service that speaks S3, or a part of one. */

export interface RawS3 extends RawSettings {
  readonly type: 's3';
  readonly provider?: S3Provider | undefined;
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
  readonly bucket: string;
  readonly prefix?: string | undefined;
  readonly 'path-style'?: boolean | undefined;
  readonly 'key-id'?: string | undefined;
  readonly key?: string | undefined;
  readonly 'session-token'?: string | undefined;
  readonly credentials?: string | undefined;
  readonly 'storage-class'?: string | undefined;
  readonly encryption?: S3Encryption | undefined;
  readonly 'kms-key'?: string | undefined;
  readonly 'object-lock'?: S3LockMode | undefined;
}

export type S3Encryption = 'AES256' | 'aws:kms';
export type S3LockMode = 'governance' | 'compliance';

export interface S3Config extends BackendSettings {
  readonly type: 's3';
  readonly provider: S3Provider;
  /** Null: Amazon's own, by region. */
  readonly endpoint: string | null;
  readonly region: string;
  readonly bucket: string;
  /** Empty, or ends in `/`. */
  readonly prefix: string;
  readonly pathStyle: boolean;
  readonly credentials: S3Credentials;
  readonly storageClass: string | null;
  readonly encryption: S3Encryption | null;
  readonly kmsKey: string | null;
  readonly objectLock: S3LockMode | null;
}

export type S3Credentials =
  | {
      readonly kind: 'key';
      /** No secret, so it may also be written out. */
      readonly keyId: string | SecretReference;
      readonly key: SecretReference;
      readonly sessionToken: SecretReference | null;
    }
  | { readonly kind: 'profile'; readonly profile: string }
  | { readonly kind: 'instance' }
  | { readonly kind: 'environment' };

const CREDENTIALS_RULE = 'must be profile:NAME, instance or environment';

const schema: SectionOf<RawS3> = z.strictObject(
  {
    type: z.literal('s3'),
    provider: oneOf(S3_PROVIDERS).optional(),
    endpoint: serviceUrl.optional(),
    region: text
      .refine((value) => /^[a-z0-9][a-z0-9-]{0,62}$/.test(value), {
        error: 'must be the name of a region, like eu-central-1',
      })
      .optional(),
    bucket: z
      .string({ error: missingOr('must be text') })
      .refine((value) => /^[A-Za-z0-9][A-Za-z0-9._-]{1,62}$/.test(value), { error: 'must be the name of a bucket' }),
    prefix: text
      .refine((value) => /^[A-Za-z0-9!_.*'()-]+(\/[A-Za-z0-9!_.*'()-]+)*\/?$/.test(value) && value.length <= 256, {
        error: "must be names of A-Z, a-z, 0-9 and !_.*'()- with / between them, at most 256 characters",
      })
      .optional(),
    'path-style': flag.optional(),
    'key-id': line.optional(),
    key: secret.optional(),
    'session-token': secret.optional(),
    credentials: parsed(parseCredentials, CREDENTIALS_RULE).optional(),
    'storage-class': storageClass.optional(),
    encryption: oneOf<S3Encryption>(['AES256', 'aws:kms']).optional(),
    'kms-key': line.optional(),
    'object-lock': oneOf<S3LockMode>(['governance', 'compliance']).optional(),
    ...SETTINGS,
  },
  { error: SECTION_RULE },
);

export const s3: Kind<RawS3, S3Config> = {
  schema,
  problems: (raw) => [...credentialProblems(raw), ...placeProblems(raw)],
  absolute: (raw, folder) => ({
    ...raw,
    ...absoluteSecret('key-id', raw['key-id'], folder),
    ...absoluteSecret('key', raw.key, folder),
    ...absoluteSecret('session-token', raw['session-token'], folder),
  }),
  complete,
  place: ({ endpoint, bucket, prefix }) => ({
    // The buckets of Amazon have one space of names, whatever their region.
    store: `${endpoint === null ? 'amazonaws.com' : new URL(endpoint).host}/${bucket}`,
    path: `/${prefix}`.replace(/\/$/, ''),
    key: prefix === '' ? 'bucket' : 'prefix',
  }),
  location: ({ endpoint, region, bucket, prefix }) => {
    const host = endpoint === null ? `s3.${region}.amazonaws.com` : new URL(endpoint).host;
    return `s3://${bucket}/${prefix} at ${host}`;
  },
};

function complete(raw: RawS3, name: string, folder: string): S3Config {
  const preset = presetOf(raw);
  const endpoint = (raw.endpoint ?? endpointOf(preset, raw.region))?.replace(/\/+$/, '') ?? null;
  const provider = preset.domain ?? (endpoint === null ? undefined : hostLabel(endpoint));
  return {
    ...completeSettings(raw, { device: name, provider, prices: S3_PRICES[preset.provider] }),
    type: 's3',
    provider: preset.provider,
    endpoint,
    region: raw.region ?? regionIn(raw.endpoint, preset) ?? preset.region ?? '',
    bucket: raw.bucket,
    prefix: raw.prefix === undefined ? '' : `${raw.prefix.replace(/\/$/, '')}/`,
    pathStyle: raw['path-style'] ?? preset.pathStyle,
    credentials: credentialsOf(raw, folder),
    ...storing(raw),
  };
}

function storing(raw: RawS3): Pick<S3Config, 'storageClass' | 'encryption' | 'kmsKey' | 'objectLock'> {
  return {
    storageClass: raw['storage-class'] ?? null,
    encryption: raw.encryption ?? null,
    kmsKey: raw['kms-key'] ?? null,
    objectLock: raw['object-lock'] ?? null,
  };
}

/** Told by the endpoint where it is not said, so that two names of one provider are one failure domain. */
function presetOf({ provider, endpoint }: RawS3): S3Preset {
  return s3Preset(provider ?? (endpoint === undefined ? 'aws' : providerOfEndpoint(endpoint)))!;
}

/** The region that an endpoint of the provider names. */
function regionIn(endpoint: string | undefined, preset: S3Preset): string | undefined {
  const [before, after] = preset.endpoint?.split('{region}') ?? [];
  if (endpoint === undefined || before === undefined || after === undefined) return undefined;
  const trimmed = endpoint.replace(/\/+$/, '');
  if (!trimmed.startsWith(before) || !trimmed.endsWith(after)) return undefined;
  return trimmed.slice(before.length, trimmed.length - after.length) || undefined;
}

/** A server that nobody knows is its own provider, by its host and port. */
function hostLabel(endpoint: string): string {
  return new URL(endpoint).host.replace(':', '-');
}

/** `profile:NAME`, `instance` or `environment`; null for anything else. */
function parseCredentials(value: string): S3Credentials | null {
  if (value === 'instance' || value === 'environment') return { kind: value };
  const profile = /^profile:([A-Za-z0-9_.@+ -]{1,128})$/.exec(value)?.[1];
  return profile === undefined ? null : { kind: 'profile', profile };
}

function credentialsOf(raw: RawS3, folder: string): S3Credentials {
  const { 'key-id': keyId, key, 'session-token': token, credentials = 'environment' } = raw;
  if (keyId === undefined || key === undefined) return parseCredentials(credentials)!;
  return {
    kind: 'key',
    keyId: parseSecretReference(keyId, folder) ?? keyId,
    key: parseSecretReference(key, folder)!,
    sessionToken: token === undefined ? null : parseSecretReference(token, folder),
  };
}

function credentialProblems(raw: RawS3): KindProblem[] {
  const { 'key-id': keyId, key, credentials } = raw;
  const at = (word: keyof RawS3, message: string, hint: string): KindProblem[] => [
    { key: word, atKey: true, message, hint },
  ];
  if (credentials !== undefined && (key ?? keyId) !== undefined) {
    return at('credentials', 'cannot stand beside key-id and key', 'keep one of them');
  }
  if (key === undefined && keyId !== undefined)
    return at('key', 'is missing beside key-id', 'name the secret: env:NAME or file:PATH');
  if (key !== undefined && keyId === undefined) return at('key-id', 'is missing beside key', 'write the id of the key');
  if (raw['session-token'] !== undefined && key === undefined) {
    return at('session-token', 'belongs to key-id and key', 'name them, too');
  }
  return [];
}

function placeProblems(raw: RawS3): KindProblem[] {
  const preset = presetOf(raw);
  const problems: KindProblem[] = [];
  const missing = (key: string, hint: string): void => {
    problems.push({ key, atKey: true, message: `is missing, which ${preset.label} needs`, hint });
  };
  if (raw.endpoint === undefined && endpointOf(preset, raw.region) === null) {
    if (preset.endpoint === undefined)
      missing('endpoint', 'it is the URL that the provider or your server names for S3');
    else
      missing('region', `it is a part of the endpoint that ${preset.label} shows for the bucket: ${preset.endpoint}`);
  } else if ((raw.region ?? regionIn(raw.endpoint, preset) ?? preset.region) === undefined) {
    missing('region', `it is a part of the endpoint that ${preset.label} shows for the bucket`);
  }
  if (raw['kms-key'] !== undefined && raw.encryption !== 'aws:kms') {
    problems.push({ key: 'kms-key', atKey: true, message: 'belongs to encryption: aws:kms' });
  }
  if (raw['object-lock'] !== undefined && !preset.objectLock) {
    problems.push({ key: 'object-lock', atKey: true, message: `is nothing that ${preset.label} has` });
  }
  return problems;
}

/** Empty for what is no reference. */
export function absoluteSecret<K extends string>(
  key: K,
  value: string | undefined,
  folder: string,
): Partial<Record<K, string>> {
  const reference = value === undefined ? null : parseSecretReference(value, folder);
  const found: Partial<Record<string, string>> = reference === null ? {} : { [key]: secretReferenceText(reference) };
  return found;
}
