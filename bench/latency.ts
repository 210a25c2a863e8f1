import { performance } from 'node:perf_hooks';
import type { Figures } from './figures.ts';
import { round3 } from './figures.ts';

/** Single calls, timed one after another in this process: milliseconds by their spread. */

export interface Latency {
  readonly calls: number;
  /** Calls that were given up at their time limit; they count with the time they took. */
  readonly givenUp: number;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

/** `given up`: the call ended at a limit of time and has no answer. */
export type Answered = 'answered' | 'given up';

/** Calls with each of these, after the first few of them have gone unmeasured, since a first call plans and compiles. */
export async function latencyOf<T>(
  inputs: readonly T[],
  call: (input: T) => Promise<Answered | void>,
  warmUp: number = Math.min(5, inputs.length),
): Promise<Latency> {
  for (const input of inputs.slice(0, warmUp)) await call(input);
  const milliseconds: number[] = [];
  let givenUp = 0;
  for (const input of inputs) {
    const started = performance.now();
    if ((await call(input)) === 'given up') givenUp += 1;
    milliseconds.push(performance.now() - started);
  }
  const sorted = milliseconds.toSorted((a, b) => a - b);
  const at = (share: number): number => round3(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!);
  return { calls: inputs.length, givenUp, p50: at(0.5), p95: at(0.95), max: at(1) };
}

/** How much slower another is at the median. */
export function timesSlower(other: Latency, ours: Latency): Figures {
  return { ...other, timesOurs: round3(other.p50 / ours.p50) };
}
