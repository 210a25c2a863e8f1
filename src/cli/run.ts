import { systemClock } from '../core/clock.ts';
import { isValenceError } from '../core/errors.ts';
import type { ValenceError } from '../core/errors.ts';
import { asValenceError, exitOfError, exitOfResult } from './exit.ts';
import { parseGlobals } from './globals.ts';
import type { ParsedGlobals } from './globals.ts';
import type { CliIo } from './io.ts';
import { Output } from './output.ts';
import { ProgressLine } from './progress-line.ts';
import { reportError } from './report-error.ts';

/**
 * Runs one command line (without the program's name) and resolves to its exit status. Never rejects, never ends the
 * process. Only what the command needs is loaded.
 */
export async function run(argv: readonly string[], io: CliIo): Promise<number> {
  const progress = new ProgressLine(io, systemClock);
  try {
    if (argv[0] === '__complete') return await printCompletions(argv.slice(1), io);
    const parsed = parseGlobals(argv);
    if (parsed.globals.version) return await printVersion(io, parsed.globals.json);
    return await runCommand(parsed, io, progress);
  } catch (thrown) {
    progress.clear();
    const error = asCancelled(asValenceError(thrown), io.signal);
    reportError(error, io, wantsJson(argv));
    return exitOfError(error);
  }
}

async function printVersion(io: CliIo, json: boolean): Promise<number> {
  const { readVersion } = await import('./version.ts');
  const version = readVersion();
  const output = new Output(io.stdout, json);
  await output.result({ type: 'version', version, node: process.versions.node }, () => version);
  await output.flush();
  return exitOfResult('ok');
}

async function printCompletions(words: readonly string[], io: CliIo): Promise<number> {
  const { complete } = await import('./completion/complete.ts');
  const output = new Output(io.stdout, false);
  for (const line of await complete(words, io)) await output.raw(line);
  await output.flush();
  return exitOfResult('ok');
}

async function runCommand(parsed: ParsedGlobals, io: CliIo, progress: ProgressLine): Promise<number> {
  const { runApplication } = await import('./session.ts');
  return runApplication(parsed, io, progress);
}

/** What broke because the work was cancelled is cancelled, whatever it looked like where it broke. */
function asCancelled(error: ValenceError, signal: AbortSignal): ValenceError {
  return signal.aborted && isValenceError(signal.reason, 'cancelled') ? signal.reason : error;
}

/** Known before the command line is understood, since that may be what fails. */
function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return (end < 0 ? argv : argv.slice(0, end)).includes('--json');
}
