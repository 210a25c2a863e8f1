import { run } from '@stricli/core';
import type { ApplicationContext } from '@stricli/core';
import type { Valence } from '../app.ts';
import { invariant } from '../core/errors.ts';
import { createApplication } from './application.ts';
import type { CliContext, OpenOptions } from './command-context.ts';
import { exitOfResult } from './exit.ts';
import type { ResultStatus } from './exit.ts';
import type { ParsedGlobals } from './globals.ts';
import type { CliIo } from './io.ts';
import { openLog } from './log.ts';
import { Output } from './output.ts';
import { readPassphrase } from './passphrase.ts';
import type { ProgressLine } from './progress-line.ts';
import { confirm } from './prompt.ts';
import { reportWarning } from './report-error.ts';

/** Worst last. */
const STATUSES: readonly ResultStatus[] = ['ok', 'degraded', 'chain-broken', 'lost'];

/**
 * Runs one command and closes what it opened. Resolves to the exit status of its result; rejects with the first thing
 * that failed.
 */
export async function runApplication(parsed: ParsedGlobals, io: CliIo, progress: ProgressLine): Promise<number> {
  const output = new Output(io.stdout, parsed.globals.json, () => progress.clear());
  let status: ResultStatus = 'ok';
  const failures: unknown[] = [];
  await using resources = new AsyncDisposableStack();
  const streams = streamsOf(io);
  const context: CliContext & ApplicationContext = {
    io,
    output,
    globals: parsed.globals,
    process: streams,
    open: async (options) => resources.use(await open(parsed, io, progress, options)),
    confirm: (question) => confirm(io, parsed.globals.yes, question),
    warn: (message) => {
      progress.clear();
      reportWarning(message, io, parsed.globals.json);
    },
    settle: (next) => {
      if (STATUSES.indexOf(next) > STATUSES.indexOf(status)) status = next;
    },
  };
  const application = createApplication(parsed.rest, (error) => failures.push(error));
  await run(application, parsed.rest, context);
  if (failures.length > 0) throw failures[0];
  invariant(streams.exitCode === 0, 'the command ended without a result or an error');
  progress.clear();
  await output.flush();
  return exitOfResult(status);
}

/** Help goes out as stricli prints it; its own error messages go nowhere, since `run.ts` prints errors. */
function streamsOf(io: CliIo): ApplicationContext['process'] {
  return { stdout: io.stdout, stderr: { write: () => {} }, env: io.env };
}

async function open(
  parsed: ParsedGlobals,
  io: CliIo,
  progress: ProgressLine,
  options: OpenOptions = {},
): Promise<Valence> {
  const { openValence } = await import('../app.ts');
  const log = await openLog(io);
  return openValence({
    home: parsed.globals.home,
    database: parsed.globals.database,
    env: io.env,
    signal: io.signal,
    progress: (event) => {
      progress.sink(event);
      log.progress(event);
    },
    passphrase: () => {
      progress.clear();
      return readPassphrase(io, options.choosingPassphrase === true);
    },
  });
}
