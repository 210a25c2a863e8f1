import { describe, expect, it } from 'vitest';
import { time } from '../../src/cli/time-input.ts';

const clock = { now: () => Date.UTC(2026, 6, 14, 12, 30, 0, 7) };

describe('times on the command line', () => {
  it.for([
    ['2026-01-31T12:00:00Z', '2026-01-31T12:00:00Z'],
    ['2026-01-31T12:00:00.123456+05:30', '2026-01-31T12:00:00.123456+05:30'],
    ['2021-01-01', '2021-01-01T00:00:00Z'],
    ['2024-02-29', '2024-02-29T00:00:00Z'],
    ['now', '2026-07-14T12:30:00.007Z'],
  ])('%s is %s', ([input, said]) => {
    expect(time(input!, clock)).toBe(said);
  });

  it.for([
    '2023-02-29',
    '2021-13-01',
    '0000-01-01',
    '2026-01-31T12:00:00',
    '2026-01-31 12:00',
    '2021',
    'yesterday',
    '',
  ])('refuses %s', (input) => {
    expect(() => time(input, clock)).toThrow(
      `"${input}" is not a time: write 2026-01-31T12:00:00Z, a date such as 2026-01-31, or now`,
    );
  });
});
