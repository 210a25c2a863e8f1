import type { Prices } from './settings.ts';

/** What is known of places that speak S3, so that people need not look it up. */

export interface S3Provider {
  /** Where its service is, by region; null: it must be said. */
  readonly endpoint: ((region: string) => string) | null;
  /** Null: it must be said. */
  readonly region: string | null;
  /** The bucket is a part of the path, not of the host name. */
  readonly pathStyle: boolean;
  /** List prices of January 2025 without tax, standard class; null: none, or they depend. */
  readonly prices: Prices | null;
  /** Where people find what must be said. */
  readonly lookUp: string;
}

export const S3_PROVIDER_NAMES = [
  'aws',
  'backblaze',
  'wasabi',
  'cloudflare',
  'garage',
  'seaweedfs',
  'storj',
  'sia',
  'filebase',
  'other',
] as const;

export type S3ProviderName = (typeof S3_PROVIDER_NAMES)[number];

const GIB_PER_GB = 2 ** 30 / 1e9;

function usd(per1000Puts: number, perGbMonth: number, perGbEgress: number): Prices {
  return { per1000Puts, perGibMonth: perGbMonth * GIB_PER_GB, perGibEgress: perGbEgress * GIB_PER_GB, currency: 'USD' };
}

/** A server of one's own. */
const OWN: S3Provider = {
  endpoint: null,
  region: 'us-east-1',
  pathStyle: true,
  prices: null,
  lookUp: 'the address that the server listens on, e.g. http://127.0.0.1:3900',
};

export const S3_PROVIDERS: Readonly<Record<S3ProviderName, S3Provider>> = {
  aws: {
    endpoint: (region) => `https://s3.${region}.amazonaws.com`,
    region: null,
    pathStyle: false,
    prices: usd(0.005, 0.023, 0.09),
    lookUp: 'the region of the bucket, e.g. eu-central-1',
  },
  backblaze: {
    endpoint: (region) => `https://s3.${region}.backblazeb2.com`,
    region: null,
    pathStyle: false,
    // Egress is free up to three times what is stored.
    prices: usd(0, 0.006, 0.01),
    lookUp: 'the middle of the endpoint on the page of the bucket, e.g. eu-central-003',
  },
  wasabi: {
    endpoint: (region) => `https://s3.${region}.wasabisys.com`,
    region: null,
    pathStyle: false,
    prices: usd(0, 0.0068, 0),
    lookUp: 'the region of the bucket, e.g. eu-central-1',
  },
  cloudflare: {
    endpoint: null,
    region: 'auto',
    pathStyle: true,
    prices: usd(0.0045, 0.015, 0),
    lookUp: 'https://ACCOUNT.r2.cloudflarestorage.com, on the page of the bucket',
  },
  garage: { ...OWN, region: 'garage' },
  seaweedfs: OWN,
  storj: {
    endpoint: () => 'https://gateway.storjshare.io',
    region: 'us-east-1',
    pathStyle: true,
    prices: usd(0, 0.004, 0.007),
    lookUp: 'https://gateway.storjshare.io',
  },
  sia: OWN,
  filebase: {
    endpoint: () => 'https://s3.filebase.com',
    region: 'us-east-1',
    pathStyle: true,
    prices: null,
    lookUp: 'https://s3.filebase.com',
  },
  other: OWN,
};

/** Prices of servers of one's own are nobody's bill. */
export function isOwnServer(provider: S3ProviderName): boolean {
  return provider === 'garage' || provider === 'seaweedfs';
}

/** Whether all places of that name are lost with one company. What people run themselves is told apart by its host. */
export function isOneCompany(provider: S3ProviderName): boolean {
  return !isOwnServer(provider) && provider !== 'sia' && provider !== 'other';
}
