/** The only source of time; tests pass a fake one. Never used to order snapshots (DESIGN D10). */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };
