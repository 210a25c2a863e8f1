import { Readable, Writable } from 'node:stream';
import type { CliIo } from '../../src/cli/io.ts';
import { run } from '../../src/cli/run.ts';

export interface CliResult {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliSettings {
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly stdin?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Runs one command line in this process, as in a pipe, with an environment of its own. */
export async function runCli(argv: readonly string[], settings: CliSettings = {}): Promise<CliResult> {
  const stdout = new Capture();
  const stderr = new Capture();
  const io: CliIo = {
    stdin: Readable.from(settings.stdin === undefined ? [] : [Buffer.from(settings.stdin)]),
    stdout,
    stderr,
    env: settings.env ?? {},
    signal: settings.signal ?? new AbortController().signal,
  };
  const exit = await run(argv, io);
  return { exit, stdout: stdout.text, stderr: stderr.text };
}

/** Every line as JSON. */
export function jsonLines(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** Keeps what is written to it. */
export class Capture extends Writable {
  readonly #pieces: Buffer[] = [];

  get text(): string {
    return Buffer.concat(this.#pieces).toString('utf8');
  }

  override _write(piece: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#pieces.push(piece);
    done();
  }
}
