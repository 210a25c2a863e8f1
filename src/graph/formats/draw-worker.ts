import { parentPort, workerData } from 'node:worker_threads';
import { instance } from '@viz-js/viz';
import { invariant } from '../../core/errors.ts';

/** The thread behind `svg`: draws the one picture, in the DOT language, that it is started with. */

export type Drawn = { readonly svg: string } | { readonly problem: string };

invariant(parentPort !== null && typeof workerData === 'string', 'this module runs as a thread');
const result = (await instance()).render(workerData, { format: 'svg' });
// What is said beside a success is advice on layout.
const drawn: Drawn =
  result.status === 'success'
    ? { svg: result.output }
    : { problem: result.errors.map(({ message }) => message).join('; ') };
parentPort.postMessage(drawn);
