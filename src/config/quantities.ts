/** Quantities as `valence.yaml` and options write them. Each gives null for what it cannot read. */

const BYTE_FACTORS: ReadonlyMap<string, number> = new Map([
  ['B', 1],
  ['kB', 1e3],
  ['MB', 1e6],
  ['GB', 1e9],
  ['KiB', 2 ** 10],
  ['MiB', 2 ** 20],
  ['GiB', 2 ** 30],
  ['kbit', 1e3 / 8],
  ['Mbit', 1e6 / 8],
  ['Gbit', 1e9 / 8],
]);

const TIME_FACTORS_MS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1e3],
  ['m', 60e3],
  ['h', 3600e3],
  ['d', 86_400e3],
  ['w', 7 * 86_400e3],
]);

const QUANTITY = /^([0-9]{1,9}(?:\.[0-9]{1,3})?) ?([A-Za-z]*)$/;

export const BYTE_RATE_RULE = 'must be bytes a second, like 10MB/s, 512KiB/s or 100Mbit/s';
export const OPERATION_RATE_RULE = 'must be a number of operations a second, like 50/s';
export const DURATION_RULE = 'must be a time, like 30s, 5m, 12h or 30d';

/** `10MB/s` in bytes a second, above 0. */
export function parseByteRate(text: string): number | null {
  return text.endsWith('/s') ? parseQuantity(text.slice(0, -2), BYTE_FACTORS) : null;
}

/** `50/s` or `300/m` in operations a second, above 0. */
export function parseOperationRate(text: string): number | null {
  const [, number, unit] = /^([0-9]{1,9}(?:\.[0-9]{1,3})?)\/(s|m|h)$/.exec(text) ?? [];
  const rate = (Number(number) / TIME_FACTORS_MS.get(unit ?? '')!) * 1e3;
  return rate > 0 ? rate : null;
}

/** `30d` in milliseconds, above 0. */
export function parseDuration(text: string): number | null {
  return parseQuantity(text, TIME_FACTORS_MS);
}

function parseQuantity(text: string, factors: ReadonlyMap<string, number>): number | null {
  const [, number, unit = ''] = QUANTITY.exec(text) ?? [];
  const value = Number(number) * (factors.get(unit) ?? NaN);
  return value > 0 ? value : null;
}
