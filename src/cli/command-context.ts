import type { CommandContext } from '@stricli/core';
import type { Valence } from '../app.ts';
import type { ResultStatus } from './exit.ts';
import type { GlobalOptions } from './globals.ts';
import type { CliIo } from './io.ts';
import type { Output } from './output.ts';

export interface OpenOptions {
  /** Ask for the passphrase twice: it is being chosen, not recalled. */
  readonly choosingPassphrase?: boolean | undefined;
}

/** What every command has as `this`. */
export interface CliContext extends CommandContext {
  readonly io: CliIo;
  readonly globals: GlobalOptions;
  readonly output: Output;
  /** The library, opened as the global options and the environment say; closed when the command has ended. */
  open(options?: OpenOptions): Promise<Valence>;
  /** Asks before what cannot be undone, unless --yes. @throws `cancelled`, `usage/invalid` */
  confirm(question: string): Promise<void>;
  /** Says on standard error what is wrong beside a result: one line, or with --json one object `{type: "warning", message}`. */
  warn(message: string): void;
  /** What the command's exit status is to say; of several, the worst counts. */
  settle(status: ResultStatus): void;
}
