import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../src/cli/bin.ts', import.meta.url));

export interface CommandResult {
  readonly exit: number;
  readonly output: string;
}

export interface RunOptions {
  /** The exit status that the story needs; any other ends the demo. 0 when left out. */
  readonly expect?: number | undefined;
  /** Print the command only. */
  readonly quiet?: boolean | undefined;
}

/** Runs the real program, each command in a process of its own, and shows what a person at a terminal would see. */
export class Terminal {
  /** The working folder of every command; printed as `.` to keep lines short. */
  readonly folder: string;
  readonly #passphrase: string;
  readonly #signal: AbortSignal;
  #account = 'laptop';
  #home = '';

  constructor(folder: string, passphrase: string, signal: AbortSignal) {
    this.folder = folder;
    this.#passphrase = passphrase;
    this.#signal = signal;
  }

  /** A machine of this name, with nothing on it: commands get an empty home folder there. */
  async moveTo(account: string): Promise<void> {
    this.#account = account;
    this.#home = '';
    await mkdir(join(this.folder, account), { recursive: true });
  }

  /** `export VALENCE_HOME=…`, relative to the folder of the demo. */
  useHome(home: string): void {
    this.#home = join(this.folder, home);
    this.command(`export VALENCE_HOME=${home}`);
  }

  title(heading: string): void {
    console.log(`\n${heading}\n${'-'.repeat(heading.length)}`);
  }

  say(sentences: string): void {
    console.log(`\n${wrapped(sentences)}`);
  }

  command(line: string): void {
    console.log(`\n$ ${line}`);
  }

  /** @throws when the command ends with another status than `expect` */
  async valence(argv: readonly string[], options: RunOptions = {}): Promise<CommandResult> {
    this.command(['valence', ...argv].join(' '));
    const result = await this.#run(argv);
    const shown = result.output.replaceAll(`${this.folder}/`, './').trimEnd();
    if (options.quiet !== true && shown !== '') console.log(shown);
    if (result.exit !== 0) console.log(`(exit status ${result.exit})`);
    if (result.exit === (options.expect ?? 0)) return result;
    throw new Error(`\`valence ${argv.join(' ')}\` ended with status ${result.exit}:\n${result.output}`);
  }

  async #run(argv: readonly string[]): Promise<CommandResult> {
    const child = spawn(process.execPath, [PROGRAM, ...argv], {
      cwd: this.folder,
      env: this.#environment(),
      signal: this.#signal,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve(code ?? 1));
    });
    const [exit, output, errors] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
    return { exit, output: output + errors };
  }

  /** Nothing of the user's own installation: no home, no database but the demo's. */
  #environment(): NodeJS.ProcessEnv {
    const { VALENCE_HOME: _home, DATABASE_URL: _url, VALENCE_LOG: _log, VALENCE_DEBUG: _debug, ...env } = process.env;
    const account = { HOME: join(this.folder, this.#account), VALENCE_PASSPHRASE: this.#passphrase };
    return { ...env, ...account, ...(this.#home === '' ? {} : { VALENCE_HOME: this.#home }) };
  }
}

const LINE_WIDTH = 92;

function wrapped(sentences: string): string {
  const lines = [''];
  for (const word of sentences.split(/\s+/)) {
    const line = lines.at(-1) ?? '';
    if (line !== '' && line.length + word.length >= LINE_WIDTH) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.join('\n');
}
