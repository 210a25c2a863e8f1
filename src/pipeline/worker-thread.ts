import { parentPort, Worker } from 'node:worker_threads';
import { invariant, ValenceError } from '../core/errors.ts';

/** A thread that answers requests one after another; bytes are handed over between the threads, not copied. */

/** A small heap is collected often, and with it the large buffers that its objects keep alive. */
const HEAP_LIMITS = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 64 };

interface Envelope<T> {
  readonly id: number;
  readonly content: T;
}

interface Failure {
  readonly id: number;
  readonly failed: { readonly message: string; readonly stack: string | undefined };
}

interface Waiting<Reply> {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: unknown) => void;
}

export class WorkerThread<Request, Reply> implements AsyncDisposable {
  readonly #module: URL;
  readonly #waiting = new Map<number, Waiting<Reply>>();
  #worker: Worker | null = null;
  #nextId = 0;

  /** `name`: the module beside this one that calls `answer`. Development runs sources as they are, a package its build. */
  constructor(name: string) {
    this.#module = new URL(`./${name}${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);
  }

  /** `transfer`: memory of the request that the caller gives away. */
  ask(request: Request, transfer: ArrayBuffer[]): Promise<Reply> {
    const worker = (this.#worker ??= this.#start());
    const id = this.#nextId;
    this.#nextId += 1;
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    this.#waiting.set(id, { resolve, reject });
    const envelope: Envelope<Request> = { id, content: request };
    // An answer that is waited for must keep the process alive; an idle thread must not.
    worker.ref();
    worker.postMessage(envelope, transfer);
    return promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker?.terminate();
    this.#failAll(new ValenceError('cancelled', 'the backup was stopped'));
  }

  #start(): Worker {
    const worker = new Worker(this.#module, { resourceLimits: HEAP_LIMITS });
    worker.on('message', (reply: Envelope<Reply> | Failure) => this.#settle(reply));
    worker.on('error', (error) => this.#failAll(error));
    worker.on('exit', () => this.#failAll(new ValenceError('internal/invariant', 'a worker thread ended')));
    return worker;
  }

  #settle(reply: Envelope<Reply> | Failure): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (this.#waiting.size === 0) this.#worker?.unref();
    if ('content' in reply) waiting?.resolve(reply.content);
    else waiting?.reject(new ValenceError('internal/invariant', reply.failed.message, { cause: reply.failed.stack }));
  }

  #failAll(error: unknown): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

/** In the thread: answers each request. `transfer` is memory of the reply that is given away. */
export function answer<Request, Reply>(
  work: (request: Request) => { readonly reply: Reply; readonly transfer: ArrayBuffer[] },
): void {
  invariant(parentPort !== null, 'this module runs as a thread');
  const port = parentPort;
  port.on('message', ({ id, content }: Envelope<Request>) => {
    try {
      const { reply, transfer } = work(content);
      const envelope: Envelope<Reply> = { id, content: reply };
      port.postMessage(envelope, transfer);
    } catch (error) {
      const { message, stack } = error instanceof Error ? error : new Error(String(error));
      const failure: Failure = { id, failed: { message, stack } };
      port.postMessage(failure);
    }
  });
}

/** The same bytes in memory of their own, so that giving them away takes nothing else along. */
export function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer } = bytes;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === bytes.byteLength) return bytes as Uint8Array<ArrayBuffer>;
  return Uint8Array.from(bytes);
}
