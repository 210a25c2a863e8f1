import type { Timer } from '../core/clock.ts';

export interface HedgedRead<C, R> {
  /** The best first. */
  readonly candidates: readonly C[];
  readonly needed: number;
  /** Null: this one does not have it. Rejects with `signal.reason` when that is aborted, else only on a fault of ours. */
  readonly read: (candidate: C, signal: AbortSignal) => Promise<R | null>;
  /** Milliseconds after which another candidate is asked besides. */
  readonly patienceMs: (candidate: C) => number;
  readonly timer: Timer;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The first `needed` results of some candidates: so many are asked at once, and one more whenever one fails or is late (Dean and
 * Barroso, The Tail at Scale, 2013). Reads that are not needed any more are aborted. Gives fewer when there are no more to
 * be had. Each candidate is asked once at most.
 */
export function readHedged<C, R>(options: HedgedRead<C, R>): Promise<R[]> {
  const { candidates, needed, read, patienceMs, timer } = options;
  const stopping = new AbortController();
  const signal = AbortSignal.any([stopping.signal, ...(options.signal === undefined ? [] : [options.signal])]);
  const waiting = [...candidates];
  const results: R[] = [];
  const callOffs = new Set<() => void>();
  let underWay = 0;
  return new Promise((resolve, reject) => {
    const end = (settle: () => void): void => {
      for (const callOff of callOffs) callOff();
      settle();
      stopping.abort(new Error('enough was read'));
    };
    const askNext = (): void => {
      if (waiting.length === 0) return;
      const candidate = waiting.shift()!;
      underWay += 1;
      const callOff = timer.after(patienceMs(candidate), askNext);
      callOffs.add(callOff);
      const settled = (): boolean => {
        callOff();
        callOffs.delete(callOff);
        underWay -= 1;
        return !stopping.signal.aborted;
      };
      read(candidate, signal).then(
        (result) => {
          if (!settled()) return;
          if (result === null) askNext();
          else results.push(result);
          if (results.length === needed || underWay === 0) end(() => resolve(results));
        },
        (error: Error) => {
          if (settled()) end(() => reject(error));
        },
      );
    };
    for (let i = 0; i < needed; i += 1) askNext();
    if (underWay === 0) end(() => resolve(results));
  });
}
