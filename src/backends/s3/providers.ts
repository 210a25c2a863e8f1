/**
 * What is known of stores that speak S3, so that a user need not look it up. What a store can do is found out at the store
 * itself; what is said of it here goes into plans and messages only.
 */

export type S3Provider =
  | 'aws'
  | 'backblaze'
  | 'wasabi'
  | 'cloudflare'
  | 'storj'
  | 'filebase'
  | 'akave'
  | 'garage'
  | 'seaweedfs'
  | 'sia'
  | 'other';

export interface S3Preset {
  readonly provider: S3Provider;
  /** As people write it. */
  readonly label: string;
  /**
   * `{region}` is replaced. `null`: Amazon's own, by region. `undefined`: it is the user's to say, since it names the
   * account or is a server of theirs.
   */
  readonly endpoint: string | null | undefined;
  /** `undefined`: it is the user's to say. */
  readonly region: string | undefined;
  readonly pathStyle: boolean;
  readonly objectLock: boolean;
  /** Days for which a deleted object is paid in the standard class. */
  readonly minimumDays: number;
  /** The provider as a failure domain. `null`: whoever runs the server. */
  readonly domain: string | null;
}

const HOSTED = { pathStyle: true, objectLock: false, minimumDays: 0 };
const OWN = {
  endpoint: undefined,
  region: 'us-east-1',
  pathStyle: true,
  objectLock: false,
  minimumDays: 0,
  domain: null,
};

const PRESETS: Readonly<Record<S3Provider, Omit<S3Preset, 'provider'>>> = {
  aws: {
    ...HOSTED,
    label: 'AWS S3',
    endpoint: null,
    region: 'us-east-1',
    pathStyle: false,
    objectLock: true,
    domain: 'aws',
  },
  backblaze: {
    ...HOSTED,
    label: 'Backblaze B2',
    endpoint: 'https://s3.{region}.backblazeb2.com',
    region: undefined,
    objectLock: true,
    domain: 'backblaze',
  },
  wasabi: {
    ...HOSTED,
    label: 'Wasabi',
    endpoint: 'https://s3.{region}.wasabisys.com',
    region: 'us-east-1',
    objectLock: true,
    minimumDays: 90,
    domain: 'wasabi',
  },
  // Its bucket locks are not those of S3.
  cloudflare: { ...HOSTED, label: 'Cloudflare R2', endpoint: undefined, region: 'auto', domain: 'cloudflare' },
  storj: {
    ...HOSTED,
    label: 'Storj',
    endpoint: 'https://gateway.storjshare.io',
    region: 'us-east-1',
    objectLock: true,
    domain: 'storj',
  },
  filebase: {
    ...HOSTED,
    label: 'Filebase',
    endpoint: 'https://s3.filebase.io',
    region: 'us-east-1',
    domain: 'filebase',
  },
  akave: { ...HOSTED, label: 'Akave O3', endpoint: undefined, region: 'akave-network', domain: 'akave' },
  garage: { ...OWN, label: 'Garage', region: 'garage' },
  seaweedfs: { ...OWN, label: 'SeaweedFS', objectLock: true },
  sia: { ...OWN, label: 'Sia s3d', domain: 'sia' },
  other: { ...OWN, label: 'S3', objectLock: true },
};

/** What people call them besides. */
const ALIASES: Readonly<Record<string, S3Provider>> = {
  amazon: 'aws',
  b2: 'backblaze',
  r2: 'cloudflare',
  s3d: 'sia',
  minio: 'other',
  versitygw: 'other',
};

export const S3_PROVIDERS: readonly S3Provider[] = Object.keys(PRESETS).filter(isProvider);

/** By name or other name. `null`: there is no such provider. */
export function s3Preset(name: string): S3Preset | null {
  const provider = Object.hasOwn(ALIASES, name) ? ALIASES[name] : name;
  if (provider === undefined || !isProvider(provider)) return null;
  return { provider, ...PRESETS[provider] };
}

/** `undefined`: Amazon's own. `null`: the user must name it, or a region for it. */
export function endpointOf(preset: S3Preset, region: string | undefined = preset.region): string | undefined | null {
  if (preset.endpoint === null) return undefined;
  if (preset.endpoint === undefined || region === undefined) return null;
  return preset.endpoint.replace('{region}', region);
}

const HOSTS: readonly (readonly [RegExp, S3Provider])[] = [
  [/(^|\.)amazonaws\.com(\.cn)?$/, 'aws'],
  [/(^|\.)backblazeb2\.com$/, 'backblaze'],
  [/(^|\.)wasabisys\.com$/, 'wasabi'],
  [/(^|\.)r2\.cloudflarestorage\.com$/, 'cloudflare'],
  [/(^|\.)(storjshare\.io|storj\.io)$/, 'storj'],
  [/(^|\.)filebase\.(io|com)$/, 'filebase'],
  [/(^|\.)akave\.(xyz|ai|com)$/, 'akave'],
];

/** Whose an endpoint is, by its host. `other` where that does not tell. */
export function providerOfEndpoint(endpoint: string): S3Provider {
  if (!URL.canParse(endpoint)) return 'other';
  const { hostname } = new URL(endpoint);
  return HOSTS.find(([host]) => host.test(hostname))?.[1] ?? 'other';
}

function isProvider(name: string): name is S3Provider {
  return Object.hasOwn(PRESETS, name);
}
