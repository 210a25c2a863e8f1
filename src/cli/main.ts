import { ValenceError } from '../core/errors.ts';
import { ERRORS } from './exit.ts';
import type { CliIo } from './io.ts';
import { run } from './run.ts';

/**
 * Runs this process's command line and sets its exit status. The first SIGINT or SIGTERM cancels the work, which then
 * cleans up after itself; a second SIGINT ends the process at once.
 */
export async function main(): Promise<void> {
  const controller = new AbortController();
  let finished = false;
  const cancel = (): void => {
    if (controller.signal.aborted) {
      finished = true;
      process.exit(ERRORS.cancelled.exit);
    }
    controller.abort(
      new ValenceError('cancelled', 'cancelled', { hint: 'nothing half-done is kept; run the command again' }),
    );
  };
  process.on('SIGINT', cancel);
  process.on('SIGTERM', () => {
    if (!controller.signal.aborted) cancel();
  });
  // A closed standard error must not hide the exit status.
  process.stderr.on('error', () => {});
  process.on('exit', () => {
    if (finished) return;
    process.stderr.write('valence: the work stopped in the middle; this is a defect, please report it\n');
    process.exitCode = ERRORS['internal/invariant'].exit;
  });
  process.exitCode = await run(process.argv.slice(2), processIo(controller.signal));
  finished = true;
}

/** The streams are opened when first used: standard input costs, and a command that reads none must not hold it. */
function processIo(signal: AbortSignal): CliIo {
  return {
    get stdin() {
      return process.stdin;
    },
    get stdout() {
      return process.stdout;
    },
    get stderr() {
      return process.stderr;
    },
    env: process.env,
    signal,
  };
}
