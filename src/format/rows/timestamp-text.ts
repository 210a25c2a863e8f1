/** Points in time as rows hold them, in words. FORMAT.md §5.1. */

const MICROS_PER_SECOND = 1_000_000n;
const SECONDS_PER_DAY = 86_400n;
/** Days from 0000-03-01 of the proleptic Gregorian calendar to 2000-01-01, where Postgres starts to count. */
const DAYS_TO_EPOCH = 730_425n;
/** Of 400 years. */
const DAYS_PER_ERA = 146_097n;
const INFINITY = 2n ** 63n - 1n;
const MINUS_INFINITY = -(2n ** 63n);

/**
 * Microseconds since 2000-01-01T00:00:00Z as ISO 8601 in UTC, with as many decimals as are needed, at most six:
 * `2026-01-02T03:04:05.000006Z`. A year before 1 or after 9999 as Postgres writes it (`0044-03-15 00:00:00+00 BC`), and so
 * `infinity` and `-infinity`.
 */
export function timestampText(micros: bigint): string {
  if (micros === INFINITY) return 'infinity';
  if (micros === MINUS_INFINITY) return '-infinity';
  const seconds = floorDivide(micros, MICROS_PER_SECOND);
  const fraction = String(micros - seconds * MICROS_PER_SECOND)
    .padStart(6, '0')
    .replace(/0+$/, '');
  const days = floorDivide(seconds, SECONDS_PER_DAY);
  const { year, month, day } = dateOf(days);
  const time = `${clockText(Number(seconds - days * SECONDS_PER_DAY))}${fraction === '' ? '' : `.${fraction}`}`;
  const date = (of: number): string => `${String(of).padStart(4, '0')}-${two(month)}-${two(day)}`;
  if (year >= 1 && year <= 9999) return `${date(year)}T${time}Z`;
  return year > 9999 ? `${date(year)} ${time}+00` : `${date(1 - year)} ${time}+00 BC`;
}

/** Day 0 is 2000-01-01. Years are astronomical: before 1 comes 0. Counted from 1 March, a leap day is the last of its year. */
function dateOf(days: bigint): { readonly year: number; readonly month: number; readonly day: number } {
  const since = days + DAYS_TO_EPOCH;
  const era = floorDivide(since, DAYS_PER_ERA);
  const dayOfEra = Number(since - era * DAYS_PER_ERA);
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  return { year: Number(era) * 400 + yearOfEra + (month <= 2 ? 1 : 0), month, day };
}

function clockText(seconds: number): string {
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

function floorDivide(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b < 0n ? quotient - 1n : quotient;
}
