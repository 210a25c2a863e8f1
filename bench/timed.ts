import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { serverFolder } from '../test/support/postgres.ts';
import type { UseReport } from './report-use.ts';

/** Runs commands and says what they took: wall seconds, and for our own their peak memory and what they read. */

export interface Timed {
  readonly seconds: number;
  readonly output: string;
}

export interface TimedValence extends Timed {
  /** Resident, at its highest. */
  readonly peakMebibytes: number;
  /** From files below `ValenceRun.folder`. */
  readonly readBytes: number;
}

export interface ValenceRun {
  /** Type of the output line at which the clock, and the program, are stopped; left out: at its end. */
  readonly until?: string | undefined;
  /** Absolute, without links. */
  readonly folder?: string | undefined;
  /** Beside that of this process. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Exit statuses that are no failure; 0 unless given. */
  readonly exits?: readonly number[] | undefined;
}

/** Of every vault that is measured. */
export const PASSPHRASE = 'bench';

const REPORTER = join(import.meta.dirname, 'report-use.ts');
/** The build, which is what users run. */
const CLI = join(import.meta.dirname, '..', 'dist', 'cli', 'bin.js');

/** A shell command, with the programs of the measured server first; fails when it fails. */
export async function shell(command: string, env: Readonly<Record<string, string>> = {}): Promise<Timed> {
  const started = performance.now();
  const child = spawn('bash', ['-c', `set -o pipefail; ${command}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, PATH: `${serverFolder()}:${process.env['PATH'] ?? ''}`, ...env },
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const [code] = (await once(child, 'close')) as [number];
  if (code !== 0) throw new Error(`exit ${code}: ${command}`);
  return { seconds: (performance.now() - started) / 1000, output: Buffer.concat(chunks).toString() };
}

export async function isInstalled(program: string): Promise<boolean> {
  return shell(`command -v ${program}`).then(
    () => true,
    () => false,
  );
}

/** `valence …`, from start to end; fails when it fails. */
export async function valence(argv: readonly string[], run: ValenceRun = {}): Promise<TimedValence> {
  const { until, folder, exits = [0] } = run;
  const temporary = await mkdtemp(join(tmpdir(), 'valence-bench-'));
  const report = join(temporary, 'report');
  const env = { ...process.env, ...run.env, VALENCE_PASSPHRASE: PASSPHRASE, VALENCE_BENCH_REPORT: report };
  const started = performance.now();
  const child = spawn(process.execPath, ['--import', REPORTER, CLI, ...argv, '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: folder === undefined ? env : { ...env, VALENCE_BENCH_FOLDER: folder },
  });
  const lines: string[] = [];
  let seconds = 0;
  const reader = createInterface({ input: child.stdout });
  reader.on('line', (line) => {
    lines.push(line);
    if (until === undefined || seconds > 0 || !line.includes(`"type":"${until}"`)) return;
    seconds = (performance.now() - started) / 1000;
    child.kill('SIGTERM');
  });
  const [code] = (await once(child, 'close')) as [number];
  if (until === undefined && !exits.includes(code)) throw new Error(`exit ${code}: valence ${argv.join(' ')}`);
  if (seconds === 0) seconds = (performance.now() - started) / 1000;
  const use = JSON.parse(await readFile(report, 'utf8')) as UseReport;
  await rm(temporary, { recursive: true });
  return { seconds, output: lines.join('\n'), ...use };
}
