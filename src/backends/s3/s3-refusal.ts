import type { Clock } from '../../core/clock.ts';

/** What a store or the way to it said when a call failed, read from whatever the SDK threw. */

export interface Refusal {
  /** The store's or the system's code, such as `NoSuchBucket` or `ECONNRESET`. */
  readonly code: string;
  /** Undefined where there was no answer. */
  readonly status: number | undefined;
  /** The store's own words, for a person; without secrets, cut to a sensible length. */
  readonly text: string;
  /** The header that the store does not take, where it says so. */
  readonly header: string | undefined;
  /** Where the bucket is, if the answer tells. */
  readonly region: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly storageClass: string | undefined;
}

const TEXT_CHARACTERS_MAX = 300;
/** A hostile store may answer with megabytes, and looking for secrets takes the square of a word's length. */
const TEXT_CHARACTERS_READ_MAX = 2000;
const RETRY_AFTER_MAX_MS = 60 * 60 * 1000;
const REGION = /^[a-z0-9-]{1,40}$/;
/** Shorter ones would be found everywhere. */
const SECRET_CHARACTERS_MIN = 4;
/** What looks like a key or a token though we were not given it: long, with capital letters and digits. */
const LOOKS_SECRET = /(?=[A-Za-z0-9+/=_-]*[A-Z])(?=[A-Za-z0-9+/=_-]*[0-9])[A-Za-z0-9+/=_-]{32,}/g;

export function readRefusal(error: unknown, secrets: readonly string[], clock: Clock): Refusal {
  const fields = fieldsOf(error);
  const response = fieldsOf(fields['$response']);
  const headers = fieldsOf(response['headers']);
  const status = fieldsOf(fields['$metadata'])['httpStatusCode'] ?? response['statusCode'];
  const text = clean(textOf(fields['message']), secrets);
  return {
    code: codeOf(fields, secrets),
    status: typeof status === 'number' ? status : undefined,
    text,
    header: clean(textOf(fields['Header']), secrets) || undefined,
    region: regionOf([fields['Region'], headers['x-amz-bucket-region'], expected(text)], secrets),
    retryAfterMs: retryAfter(textOf(headers['retry-after']), clock),
    storageClass: clean(textOf(fields['StorageClass']), secrets) || undefined,
  };
}

/** The system's code says more than the name of the error it came in. */
function codeOf(fields: Fields, secrets: readonly string[]): string {
  const nested = Array.isArray(fields['errors']) ? fieldsOf(fields['errors'][0]) : {};
  const codes = [fields['code'], nested['code'], fields['Code'], fields['name']].map((code) =>
    clean(textOf(code), secrets),
  );
  return codes.find((code) => /^[A-Za-z0-9_.:-]{1,80}$/.test(code)) ?? 'Unknown';
}

/** The SDK keeps the store's whole answer in its errors, down to the signed request; only these words are taken over. */
function clean(text: string, secrets: readonly string[]): string {
  let cleaned = shortened(text).replaceAll(/\s+/g, ' ');
  for (const secret of secrets) {
    if (secret.length >= SECRET_CHARACTERS_MIN) cleaned = cleaned.replaceAll(secret, '***');
  }
  return cleaned
    .replaceAll(LOOKS_SECRET, '***')
    .slice(0, TEXT_CHARACTERS_MAX)
    .replace(/[\s.]+$/, '');
}

/** Whole words only: half a secret would not be recognised. */
function shortened(text: string): string {
  if (text.length <= TEXT_CHARACTERS_READ_MAX) return text;
  const start = text.slice(0, TEXT_CHARACTERS_READ_MAX);
  return start.slice(0, start.lastIndexOf(' ') + 1);
}

function regionOf(said: readonly unknown[], secrets: readonly string[]): string | undefined {
  return said.map((region) => clean(textOf(region), secrets)).find((region) => REGION.test(region));
}

/** Amazon's words where it gives no `Region`. */
function expected(text: string): string | undefined {
  return /expecting '([^']*)'/.exec(text)?.[1];
}

/** RFC 9110 10.2.3: seconds, or a date. */
function retryAfter(header: string, clock: Clock): number | undefined {
  if (header === '') return undefined;
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * 1000 : Date.parse(header) - clock.now();
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), RETRY_AFTER_MAX_MS);
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown): Fields {
  // Any object may be read as fields of unknown type.
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
