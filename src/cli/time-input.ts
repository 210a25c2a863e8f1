import { parseTimestamp } from '../app/knowledge-calls.ts';
import { systemClock } from '../core/clock.ts';
import type { Clock } from '../core/clock.ts';

/** What `TIME` may be, for the help of one of the options of a command. */
export const TIME_FORMS = 'e.g. 2026-01-31T12:00:00Z; a date is its midnight in UTC, and now is now';

/** A time as the library takes it. @throws `Error` that says what is allowed */
export function time(input: string, clock: Clock): string {
  if (input === 'now') return new Date(clock.now()).toISOString();
  const text = /^\d{4}-\d\d-\d\d$/.test(input) ? `${input}T00:00:00Z` : input;
  if (parseTimestamp(text) !== null) return text;
  throw new Error(`"${input}" is not a time: write 2026-01-31T12:00:00Z, a date such as 2026-01-31, or now`);
}

interface TimeFlag {
  readonly kind: 'parsed';
  readonly parse: (input: string) => string;
  readonly optional: true;
  readonly placeholder: string;
}

/** Of every option that asks for a time; without its brief. */
export const timeFlag: TimeFlag = {
  kind: 'parsed',
  parse: (input) => time(input, systemClock),
  optional: true,
  placeholder: 'TIME',
};
