import {
  AliasNotFoundError,
  ArgumentScannerError,
  FlagNotFoundError,
  formatMessageForArgumentScannerError,
} from '@stricli/core';
import { isValenceError, ValenceError } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';
import { externalName, findTarget, optionNames, verbNames } from './command-tree.ts';
import type { Target } from './command-tree.ts';

/** What the parser of the command line objected to, as `usage/invalid` with the nearest known name. */
export function optionError(thrown: unknown, root: Target, words: readonly string[]): ValenceError {
  const { target, path } = findTarget(root, words);
  const help = `see \`${['valence', ...path, '--help'].join(' ')}\``;
  if (isValenceError(thrown)) return thrown;
  if (!(thrown instanceof ArgumentScannerError)) {
    return new ValenceError('internal/invariant', thrown instanceof Error ? thrown.message : String(thrown), {
      cause: thrown,
    });
  }
  if (thrown instanceof FlagNotFoundError || thrown instanceof AliasNotFoundError) {
    return unknownOption(
      `${thrown instanceof FlagNotFoundError ? '--' : '-'}${externalName(thrown.input)}`,
      target,
      help,
    );
  }
  return usage(describe(thrown), help);
}

/** A word where a command should stand, as `usage/invalid` with the nearest known one. */
export function commandError(input: string, root: Target, words: readonly string[]): ValenceError {
  const { target, path } = findTarget(root, words);
  if (input.startsWith('-')) return unknownOption(input, target, 'see `valence --help`');
  const near = nearest(input, verbNames(target));
  const suggestion = ['valence', ...path, near ?? '--help'].join(' ');
  const hint = near === null ? `see \`${suggestion}\`` : `did you mean \`${suggestion}\`?`;
  return usage(`unknown command "${input}"`, hint, { command: input, nearest: near });
}

function unknownOption(written: string, target: Target, help: string): ValenceError {
  const near = nearest(written.replace(/^-+/, ''), optionNames(target));
  return usage(`unknown option ${written}`, near === null ? help : `did you mean --${near}?`, {
    option: written,
    nearest: near,
  });
}

function describe(error: ArgumentScannerError): string {
  return formatMessageForArgumentScannerError(error, {
    ArgumentParseError: ({ externalFlagNameOrPlaceholder: name, exception, input }) =>
      `${named(name)}: ${exception instanceof Error ? exception.message : `"${input}" is not allowed`}`,
    EnumValidationError: ({ externalFlagName, input, values }) =>
      `--${externalFlagName} is one of ${values.join(', ')}, not "${input}"`,
    UnsatisfiedFlagError: ({ externalFlagName }) => `--${externalFlagName} is needed, with a value`,
    UnexpectedFlagError: ({ externalFlagName }) => `--${externalFlagName} is given twice`,
    UnexpectedPositionalError: ({ input }) => `unexpected argument "${input}"`,
    UnsatisfiedPositionalError: ({ placeholder }) => `${placeholder} is missing`,
    InvalidNegatedFlagSyntaxError: ({ externalFlagName }) => `--${externalFlagName} takes no value`,
  });
}

/** Placeholders of arguments are in capitals, options are not. */
function named(name: string): string {
  return name === name.toUpperCase() ? name : `--${name}`;
}

function usage(message: string, hint: string, context: Record<string, unknown> = {}): ValenceError {
  return new ValenceError('usage/invalid', message, { hint, context });
}
