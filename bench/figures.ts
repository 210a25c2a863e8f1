/** How figures are drawn together and printed: one JSON line each. */

export type Figures = Readonly<Record<string, unknown>>;

export function print(entry: Figures): void {
  console.log(JSON.stringify(entry));
}

/** The upper one of the two in the middle where their number is even; not of none. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

export function round3(value: number): number {
  return Math.round(value * 1000) / 1000;
}

export function spreadOf(seconds: readonly number[]): Figures {
  return {
    medianSeconds: round3(median(seconds)),
    minSeconds: round3(Math.min(...seconds)),
    maxSeconds: round3(Math.max(...seconds)),
  };
}

/** `[name, a, b]`: a ÷ b, left out where one of them was not measured, or is nothing. */
export function ratiosOf(pairs: readonly (readonly [string, number | null, number | null])[]): Record<string, number> {
  return Object.fromEntries(pairs.flatMap(([name, a, b]) => (a === null || !b ? [] : [[name, round3(a / b)]])));
}
