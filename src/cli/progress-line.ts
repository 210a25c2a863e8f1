import type { Clock } from '../core/clock.ts';
import type { ProgressEvent, ProgressSink } from '../core/progress.ts';
import { formatBytes, formatCount } from './figures.ts';
import type { CliIo } from './io.ts';
import { oneLine } from './printable.ts';

/** Ten a second: smooth to the eye, and invisible in a profile. */
const REDRAW_AFTER_MS = 100;

/**
 * One line on the terminal that says what is being done now. Silent when standard error is not a terminal. `clear` must
 * be called before anything else is written to the same terminal.
 */
export class ProgressLine {
  readonly sink: ProgressSink;
  readonly #io: CliIo;
  readonly #clock: Clock;
  #stage = '';
  #drawnAt = -Infinity;
  #visible = false;

  constructor(io: CliIo, clock: Clock) {
    this.#io = io;
    this.#clock = clock;
    this.sink = io.stderr.isTTY === true ? (event) => this.#show(event) : () => {};
  }

  /** Takes the line away; the next event draws it again. */
  clear(): void {
    if (!this.#visible) return;
    this.#io.stderr.write('\r\u001b[2K');
    this.#visible = false;
    this.#drawnAt = -Infinity;
  }

  #show(event: ProgressEvent): void {
    const now = this.#clock.now();
    if (event.stage === this.#stage && now - this.#drawnAt < REDRAW_AFTER_MS) return;
    this.#stage = event.stage;
    this.#drawnAt = now;
    this.#visible = true;
    const width = (this.#io.stderr.columns ?? 80) - 1;
    this.#io.stderr.write(`\r\u001b[2K${oneLine(describe(event), width)}`);
  }
}

function describe({ stage, done, total, unit }: ProgressEvent): string {
  if (done === undefined) return `${stage} …`;
  const format = unit === 'bytes' ? formatBytes : formatCount;
  const amount = total === undefined ? format(done) : `${format(done)} of ${format(total)} (${percent(done, total)})`;
  return `${stage} … ${amount}`;
}

function percent(done: number, total: number): string {
  return total === 0 ? '100 %' : `${Math.floor((100 * done) / total)} %`;
}
