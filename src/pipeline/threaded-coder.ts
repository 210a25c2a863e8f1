import { directCoder } from './code-stripe.ts';
import type { CodedStripe, CodingTask, StripeCoder } from './code-stripe.ts';
import { owned, WorkerThread } from './worker-thread.ts';

/** Codes stripes in a thread of its own, beside the one that reads rows; the first in this one, since a small change has no other. */
export class ThreadedCoder implements StripeCoder, AsyncDisposable {
  #isFirst = true;
  readonly #thread = new WorkerThread<CodingTask, CodedStripe>('stripe-worker');

  /** Takes the pack's bytes away from the caller. */
  code(task: CodingTask): Promise<CodedStripe> {
    if (this.#isFirst) {
      this.#isFirst = false;
      return directCoder.code(task);
    }
    const pack = owned(task.pack);
    return this.#thread.ask({ ...task, pack }, [pack.buffer]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#thread[Symbol.asyncDispose]();
  }
}
