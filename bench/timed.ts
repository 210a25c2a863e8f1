import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { serverFolder } from '../test/support/postgres.ts';

/** Runs commands and says what they took: wall seconds, and for our own their peak memory. */

export interface Timed {
  readonly seconds: number;
  /** Resident, at its highest; null for commands of others. */
  readonly peakMebibytes: number | null;
  readonly output: string;
}

const REPORTER = join(import.meta.dirname, 'report-memory.ts');
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
  return {
    seconds: (performance.now() - started) / 1000,
    peakMebibytes: null,
    output: Buffer.concat(chunks).toString(),
  };
}

/** `valence …`, timed to its end, or to the first output line of type `until`, when it is stopped. */
export async function valence(argv: readonly string[], until?: string): Promise<Timed> {
  const folder = await mkdtemp(join(tmpdir(), 'valence-bench-'));
  const memoryFile = join(folder, 'memory');
  const env = { ...process.env, VALENCE_PASSPHRASE: 'bench', VALENCE_MEMORY_FILE: memoryFile };
  const started = performance.now();
  const child = spawn(process.execPath, ['--import', REPORTER, CLI, ...argv, '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env,
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
  if (until === undefined && code !== 0) throw new Error(`exit ${code}: valence ${argv.join(' ')}`);
  if (seconds === 0) seconds = (performance.now() - started) / 1000;
  const kibibytes = Number(await readFile(memoryFile, 'utf8'));
  await rm(folder, { recursive: true });
  return { seconds, peakMebibytes: kibibytes / 1024, output: lines.join('\n') };
}
