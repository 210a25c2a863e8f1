import { buildApplication, help, text_en } from '@stricli/core';
import type { Application, ApplicationText } from '@stricli/core';
import type { CliContext } from './command-context.ts';
import { root } from './routes.ts';
import { commandError, optionError } from './usage-error.ts';

/**
 * The command line as stricli runs it. Nothing is printed when it fails: each failure is handed to `fail`, and `run.ts`
 * prints the first. `words` is the command line without global options.
 */
export function createApplication(words: readonly string[], fail: (error: unknown) => void): Application<CliContext> {
  const failed = (error: unknown): string => {
    fail(error);
    return '';
  };
  const text: ApplicationText = {
    ...text_en,
    briefs: { ...text_en.briefs, argumentEscapeSequence: 'what follows is no option' },
    exceptionWhileParsingArguments: (error) => failed(optionError(error, root, words)),
    noCommandRegisteredForInput: ({ input }) => failed(commandError(input, root, words)),
    exceptionWhileLoadingCommandFunction: failed,
    exceptionWhileLoadingCommandContext: failed,
    exceptionWhileRunningCommand: failed,
    exceptionWhileRunningIntegrationFlag: ({ exception }) => failed(exception),
    exceptionWhileRunningIntegrationHook: ({ exception }) => failed(exception),
    commandErrorResult: failed,
  };
  const formatting = {
    useAliasInUsageLine: false,
    onlyRequiredInUsageLine: false,
    caseStyle: 'convert-camel-to-kebab',
  } as const;
  return buildApplication(
    root,
    {
      name: 'valence',
      scanner: { caseStyle: 'allow-kebab-for-camel', allowArgumentEscapeSequence: true },
      localization: { text },
    },
    { help: help({ brief: 'print this help and exit', defaultForRouteMap: true, formatting }) },
  );
}
