/** No `put` takes a day: a temporary file that is older was left by a process that is gone. */
export const LEFTOVER_AGE_MS: number = 24 * 60 * 60 * 1000;
