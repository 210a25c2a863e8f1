import type { Command } from '@stricli/core';
import type { ErrorCode } from '../core/errors.ts';
import type { CliContext } from './command-context.ts';
import { ERRORS, EXIT_NAMES, exitOfResult } from './exit.ts';
import type { ResultStatus } from './exit.ts';
import { GLOBAL_OPTIONS } from './globals.ts';

/** What the help of a command says besides its options. */
export interface CommandNotes {
  /** What it may end with, besides what every command may. */
  readonly exits: readonly (ErrorCode | ResultStatus)[];
  /** The objects it prints with --json, one line each. */
  readonly json: readonly string[];
}

/** Codes of commands that use the database. */
export const DATABASE_EXITS: readonly ErrorCode[] = [
  'config/no-home',
  'database/unavailable',
  'database/newer-schema',
  'home/locked',
];

/** Codes of commands that read a vault. */
export const VAULT_EXITS: readonly ErrorCode[] = [
  'config/no-home',
  'backend/unavailable',
  'backend/denied',
  'backend/foreign-vault',
  'integrity/authentication-failed',
  'integrity/too-few-shards',
  'integrity/chain-broken',
  'format/malformed',
  'format/newer',
];

const EVERY_COMMAND: readonly (ErrorCode | ResultStatus)[] = [
  'ok',
  'internal/invariant',
  'usage/invalid',
  'config/invalid',
  'cancelled',
];

/** The command, with its JSON forms, the global options and its exit statuses at the end of its help. */
export function withNotes(command: Command<CliContext>, notes: CommandNotes): Command<CliContext> {
  return {
    kind: command.kind,
    loader: command.loader,
    parameters: command.parameters,
    brief: command.brief,
    fullDescription: command.fullDescription,
    usesFlag: command.usesFlag,
    formatUsageLine: (args) => command.formatUsageLine(args),
    formatHelp: (args) => {
      const json = notes.json.length === 0 ? [] : [section('JSON', notes.json)];
      const own = command.formatHelp(args).replace(/ +$/gm, '').trimEnd();
      return `${[own, ...json, globalOptionsHelp(), exitsHelp(notes.exits)].join('\n\n')}\n`;
    },
  };
}

/** The section of every help that lists the global options. */
export function globalOptionsHelp(): string {
  const names = GLOBAL_OPTIONS.map(
    ([name, placeholder]) => `--${name}${placeholder === null ? '' : ` ${placeholder}`}`,
  );
  const width = Math.max(...names.map((name) => name.length));
  return section(
    'GLOBAL OPTIONS (before or after the verb)',
    GLOBAL_OPTIONS.map(([, , brief], index) => `${names[index]!.padEnd(width)}  ${brief}`),
  );
}

function exitsHelp(exits: CommandNotes['exits']): string {
  const statuses = new Set([...EVERY_COMMAND, ...exits].map(statusOf));
  const lines = [...statuses]
    .sort((a, b) => a - b)
    .map((exit) => `${String(exit).padStart(3)}  ${EXIT_NAMES.get(exit)}`);
  return section('EXIT CODES', lines);
}

function statusOf(what: ErrorCode | ResultStatus): number {
  return what in ERRORS ? ERRORS[what as ErrorCode].exit : exitOfResult(what as ResultStatus);
}

function section(title: string, lines: readonly string[]): string {
  return [title, ...lines.map((line) => `  ${line}`)].join('\n');
}
