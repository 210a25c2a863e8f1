import { Worker } from 'node:worker_threads';
import { systemTimer } from '../../core/clock.ts';
import type { Timer } from '../../core/clock.ts';
import { ValenceError } from '../../core/errors.ts';
import { dot } from './dot.ts';
import type { GraphPart } from './graph-part.ts';
import type { Drawn } from './draw-worker.ts';

export interface DrawOptions {
  readonly signal?: AbortSignal | undefined;
  /** The system's when left out. */
  readonly timer?: Timer | undefined;
}

/** Nobody reads a picture of more; a layout of so much takes seconds. */
export const PICTURE_MAX: Readonly<Record<'beliefs' | 'edges', number>> = { beliefs: 2000, edges: 6000 };
/** Ten times what the largest picture took. */
const DRAWING_MS_MAX = 30_000;

const LESS = 'draw fewer beliefs (--hops, --types, --max-beliefs), or give --format graphml to a tool for large graphs';

/**
 * The part as an SVG picture, laid out by Graphviz in a thread of its own, which is ended when it takes too long. The same part
 * gives the same picture.
 * @throws `graph/refused` where the part is too large (`PICTURE_MAX`) or takes longer than half a minute
 */
export async function svg(part: GraphPart, { signal, timer = systemTimer }: DrawOptions = {}): Promise<string> {
  const { beliefs, edges } = part;
  if (beliefs.length > PICTURE_MAX.beliefs || edges.length > PICTURE_MAX.edges) {
    throw new ValenceError(
      'graph/refused',
      `${beliefs.length} beliefs and ${edges.length} edges are too many to draw`,
      {
        hint: LESS,
        context: { beliefs: beliefs.length, edges: edges.length, ...limits() },
      },
    );
  }
  signal?.throwIfAborted();
  const module = new URL(`./draw-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);
  const worker = new Worker(module, { workerData: [...dot(part)].join('\n') });
  try {
    return withoutDoctype(await answerOf(worker, timer, signal));
  } finally {
    await worker.terminate();
  }
}

function limits(): Readonly<Record<string, number>> {
  return { max_beliefs: PICTURE_MAX.beliefs, max_edges: PICTURE_MAX.edges };
}

function answerOf(worker: Worker, timer: Timer, signal: AbortSignal | undefined): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const stop = (): void => reject(signal?.reason as Error);
  const callOff = timer.after(DRAWING_MS_MAX, () =>
    reject(new ValenceError('graph/refused', 'the picture takes too long to draw', { hint: LESS })),
  );
  signal?.addEventListener('abort', stop, { once: true });
  worker.on('message', (drawn: Drawn) => {
    if ('svg' in drawn) resolve(drawn.svg);
    else reject(new ValenceError('internal/invariant', `Graphviz refuses the picture: ${drawn.problem}`));
  });
  worker.on('error', reject);
  worker.on('exit', () => reject(new ValenceError('internal/invariant', 'the thread that draws has ended')));
  return promise.finally(() => {
    callOff();
    signal?.removeEventListener('abort', stop);
  });
}

/** Graphviz names a document type that strict readers would fetch from the web. */
function withoutDoctype(document: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${document.slice(document.indexOf('<svg'))}`;
}
