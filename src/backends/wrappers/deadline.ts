import type { Timer } from '../../core/clock.ts';

export interface Deadline {
  readonly timer: Timer;
  readonly limitMs: number;
  /** How long what was aborted may take to end, so that nothing of it is left when the caller hears of it. */
  readonly graceMs: number;
  readonly signal: AbortSignal | undefined;
  /** What is thrown at the deadline. */
  readonly late: () => Error;
}

/**
 * What `act` gives. At the deadline, or when `signal` is aborted, its own signal is aborted with the reason, which is
 * thrown as soon as `act` has rejected or the grace is over: one that ignores its signal goes on, unheard. If it
 * resolves within the grace, that counts.
 */
export async function withDeadline<T>(deadline: Deadline, act: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const { timer, limitMs, graceMs, signal, late } = deadline;
  signal?.throwIfAborted();
  const controller = new AbortController();
  let abandon: (reason: unknown) => void = () => {};
  const abandoned = new Promise<never>((_, reject) => (abandon = reject));
  let callOff: () => void;
  const end = (reason: unknown): void => {
    if (controller.signal.aborted) return;
    callOff();
    callOff = timer.after(graceMs, () => abandon(reason));
    controller.abort(reason);
  };
  const stop = (): void => end(signal?.reason);
  callOff = timer.after(limitMs, () => end(late()));
  signal?.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([act(controller.signal), abandoned]);
  } catch (error) {
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    callOff();
    signal?.removeEventListener('abort', stop);
  }
}
