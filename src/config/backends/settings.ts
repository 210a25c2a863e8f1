import { z } from 'zod';
import type { Domains } from '../../placement/failure-domains.ts';
import {
  BYTE_RATE_RULE,
  DURATION_RULE,
  OPERATION_RATE_RULE,
  parseByteRate,
  parseDuration,
  parseOperationRate,
} from '../quantities.ts';
import { flag, label, line, parsed, SECTION_RULE } from './fields.ts';
import type { SectionOf } from './fields.ts';

/** What may be set for a backend of any kind. */

export interface RawSettings {
  /** A name is that of the device. */
  readonly domain?: string | RawDomain | undefined;
  readonly limits?: RawLimits | undefined;
  readonly 'read-only'?: boolean | undefined;
  readonly prices?: RawPrices | undefined;
}

export interface RawDomain {
  readonly device?: string | undefined;
  readonly owner?: string | undefined;
  readonly region?: string | undefined;
  readonly provider?: string | undefined;
}

export interface RawLimits {
  readonly upload?: string | undefined;
  readonly download?: string | undefined;
  readonly operations?: string | undefined;
  readonly concurrency?: number | undefined;
  readonly timeout?: string | undefined;
}

export interface RawPrices {
  readonly 'per-1000-puts'?: number | undefined;
  readonly 'per-gib-month'?: number | undefined;
  readonly 'per-gib-egress'?: number | undefined;
  readonly currency?: string | undefined;
}

/** Null: no limit but the backend's own. */
export interface BackendLimits {
  readonly uploadBytesPerSecond: number | null;
  readonly downloadBytesPerSecond: number | null;
  readonly operationsPerSecond: number | null;
  readonly concurrency: number | null;
  readonly timeoutMs: number | null;
}

/** What a place charges, in units of `currency`. */
export interface Prices {
  readonly per1000Puts: number;
  readonly perGibMonth: number;
  readonly perGibEgress: number;
  readonly currency: string;
}

export interface BackendSettings {
  /** Failure domains, each `KIND:NAME`: the device first. */
  readonly domains: Domains;
  readonly limits: BackendLimits;
  readonly readOnly: boolean;
  /** Null: not known. */
  readonly prices: Prices | null;
}

/** What the settings are where the file does not say. */
export interface SettingsDefaults {
  readonly device: string;
  readonly provider?: string | undefined;
  readonly prices: Prices | null;
}

export const FREE: Prices = { per1000Puts: 0, perGibMonth: 0, perGibEgress: 0, currency: 'USD' };

const CALLS_MAX = 256;

const domain: SectionOf<RawDomain> = z.strictObject(
  { device: label.optional(), owner: label.optional(), region: label.optional(), provider: label.optional() },
  { error: SECTION_RULE },
);

const limits: SectionOf<RawLimits> = z.strictObject(
  {
    upload: parsed(parseByteRate, BYTE_RATE_RULE).optional(),
    download: parsed(parseByteRate, BYTE_RATE_RULE).optional(),
    operations: parsed(parseOperationRate, OPERATION_RATE_RULE).optional(),
    concurrency: z
      .int({ error: 'must be a whole number' })
      .min(1, { error: 'must be at least 1' })
      .max(CALLS_MAX, { error: `must be at most ${CALLS_MAX}` })
      .optional(),
    timeout: parsed(parseDuration, DURATION_RULE).optional(),
  },
  { error: SECTION_RULE },
);

const price: z.ZodNumber = z.number({ error: 'must be a number' }).min(0, { error: 'must not be below 0' });

const prices: SectionOf<RawPrices> = z.strictObject(
  {
    'per-1000-puts': price.optional(),
    'per-gib-month': price.optional(),
    'per-gib-egress': price.optional(),
    currency: line.max(8, { error: 'must be at most 8 characters' }).optional(),
  },
  { error: SECTION_RULE },
);

/** The keys that stand beside those of each kind. */
export const SETTINGS: SectionOf<RawSettings>['shape'] = {
  domain: z.union([label, domain]).optional(),
  limits: limits.optional(),
  'read-only': flag.optional(),
  prices: prices.optional(),
};

export function completeSettings(raw: RawSettings, defaults: SettingsDefaults): BackendSettings {
  return {
    domains: domainsOf(raw.domain, defaults),
    limits: limitsOf(raw.limits ?? {}),
    readOnly: raw['read-only'] ?? false,
    prices: pricesOf(raw.prices, defaults.prices),
  };
}

function domainsOf(raw: RawSettings['domain'], { device, provider }: SettingsDefaults): string[] {
  const named = typeof raw === 'string' ? { device: raw } : (raw ?? {});
  const all = Object.entries({ device, provider, ...named });
  return all.flatMap(([kind, value]) => (value === undefined ? [] : [`${kind}:${value}`]));
}

function limitsOf({ upload, download, operations, concurrency, timeout }: RawLimits): BackendLimits {
  return {
    uploadBytesPerSecond: parseByteRate(upload ?? ''),
    downloadBytesPerSecond: parseByteRate(download ?? ''),
    operationsPerSecond: parseOperationRate(operations ?? ''),
    concurrency: concurrency ?? null,
    timeoutMs: parseDuration(timeout ?? ''),
  };
}

/** What is given of them; the rest as usual for the place, or free of charge. */
function pricesOf(raw: RawPrices | undefined, usual: Prices | null): Prices | null {
  if (raw === undefined) return usual;
  const base = usual ?? FREE;
  return {
    per1000Puts: raw['per-1000-puts'] ?? base.per1000Puts,
    perGibMonth: raw['per-gib-month'] ?? base.perGibMonth,
    perGibEgress: raw['per-gib-egress'] ?? base.perGibEgress,
    currency: raw.currency ?? base.currency,
  };
}
