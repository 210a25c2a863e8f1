import type { Deadline } from './deadline.ts';

/**
 * What `withDeadline` is for one call, for each step of a listing, for less: one timer and one signal for all
 * of them. After a step that was late there must be no other.
 */
export class StepWatch implements Disposable {
  readonly #deadline: Deadline;
  readonly #listing = new AbortController();
  readonly #stop = (): void => this.#end(this.#deadline.signal?.reason);
  #fail: ((reason: unknown) => void) | null = null;
  #startedAt = 0;
  #callOff: (() => void) | null = null;

  constructor(deadline: Deadline) {
    this.#deadline = deadline;
    deadline.signal?.addEventListener('abort', this.#stop, { once: true });
  }

  /** For the listing; aborted at the deadline of a step, or with the signal of the caller. */
  get signal(): AbortSignal {
    return this.#listing.signal;
  }

  /** As `withDeadline`. One at a time. */
  step<T>(act: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#deadline.signal?.throwIfAborted();
      this.#startedAt = this.#deadline.timer.elapsed();
      this.#callOff ??= this.#deadline.timer.after(this.#deadline.limitMs, () => this.#check());
      this.#fail = reject;
      act().then(
        (value) => {
          this.#fail = null;
          resolve(value);
        },
        (error: unknown) => {
          this.#fail = null;
          reject((this.signal.aborted ? this.signal.reason : error) as Error);
        },
      );
    });
  }

  [Symbol.dispose](): void {
    this.#callOff?.();
    this.#deadline.signal?.removeEventListener('abort', this.#stop);
  }

  /** The timer was set for an earlier step; the one under way may have time left. */
  #check(): void {
    this.#callOff = null;
    if (this.#fail === null) return;
    const { timer, limitMs, late } = this.#deadline;
    const leftMs = this.#startedAt + limitMs - timer.elapsed();
    if (leftMs > 0) this.#callOff = timer.after(leftMs, () => this.#check());
    else this.#end(late());
  }

  #end(reason: unknown): void {
    if (this.signal.aborted) return;
    this.#callOff?.();
    this.#callOff = this.#deadline.timer.after(this.#deadline.graceMs, () => this.#fail?.(reason));
    this.#listing.abort(reason);
  }
}
