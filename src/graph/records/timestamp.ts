import { ValenceError } from '../../core/errors.ts';

/** Points in time as our text formats write them, and as Postgres keeps them: whole microseconds. */

const PATTERN =
  /^(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d{1,6}))?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))$/;

/** 2000-01-01T00:00:00Z, where Postgres starts to count, in microseconds since 1970. */
const POSTGRES_EPOCH_MICROS = 946_684_800_000_000n;
const YEAR_ONE_MS = Date.parse('0001-01-01T00:00:00Z');
const YEAR_TEN_THOUSAND_MS = Date.parse('+010000-01-01T00:00:00Z');

/**
 * Reads strict ISO 8601: date, `T`, time with seconds, at most six decimals, `Z` or an offset of hours and minutes, years
 * 0001 to 9999 in UTC. Gives microseconds since 2000-01-01T00:00:00Z (what binary COPY carries), or `null` for any other text.
 */
export function parseTimestamp(text: string): bigint | null {
  const match = PATTERN.exec(text);
  if (match === null) return null;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return null;
  const offsetMinutes = (match[8] === '-' ? -1 : 1) * (Number(match[9] ?? 0) * 60 + Number(match[10] ?? 0));
  const milliseconds = date.getTime() + ((hour * 60 + minute - offsetMinutes) * 60 + second) * 1000;
  if (milliseconds < YEAR_ONE_MS || milliseconds >= YEAR_TEN_THOUSAND_MS) return null;
  return BigInt(milliseconds) * 1000n + BigInt((match[7] ?? '').padEnd(6, '0')) - POSTGRES_EPOCH_MICROS;
}

/** Milliseconds since 1970 as microseconds since 2000. */
export function postgresMicros(milliseconds: number): bigint {
  return BigInt(Math.trunc(milliseconds)) * 1000n - POSTGRES_EPOCH_MICROS;
}

/** Gives the text back if `parseTimestamp` reads it. @throws `graph/refused`, naming what it stands for */
export function checkedTime(name: string, text: string): string {
  if (parseTimestamp(text) !== null) return text;
  throw new ValenceError('graph/refused', `${name} is not an ISO 8601 time with an offset`, {
    hint: 'write it as 2026-01-31T12:00:00Z',
  });
}
