import type { S3Provider } from '../../backends/s3/providers.ts';
import { FREE } from './settings.ts';
import type { Prices } from './settings.ts';

const GIB_PER_GB = 2 ** 30 / 1e9;

function usd(per1000Puts: number, perGbMonth: number, perGbEgress: number): Prices {
  return { per1000Puts, perGibMonth: perGbMonth * GIB_PER_GB, perGibEgress: perGbEgress * GIB_PER_GB, currency: 'USD' };
}

/**
 * List prices of January 2025, standard class, without tax, allowances and minimum times; a server of one's own is nobody's
 * bill. `null`: not known, or they depend on too much.
 */
export const S3_PRICES: Readonly<Record<S3Provider, Prices | null>> = {
  aws: usd(0.005, 0.023, 0.09),
  // Egress is free up to three times what is stored.
  backblaze: usd(0, 0.006, 0.01),
  wasabi: usd(0, 0.0068, 0),
  cloudflare: usd(0.0045, 0.015, 0),
  storj: usd(0, 0.004, 0.007),
  filebase: null,
  akave: null,
  garage: FREE,
  seaweedfs: FREE,
  sia: null,
  other: null,
};
