import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { CliContext } from '../command-context.ts';
import { withNotes } from '../command-help.ts';
import { SCRIPTS, SHELLS } from '../completion/scripts.ts';
import type { Shell } from '../completion/scripts.ts';

async function completion(this: CliContext, _flags: Record<never, never>, shell: Shell): Promise<void> {
  await this.output.raw(SCRIPTS[shell]);
}

function parseShell(input: string): Shell {
  const shell = SHELLS.find((known) => known === input);
  if (shell === undefined) throw new Error(`"${input}" is not one of ${SHELLS.join(', ')}`);
  return shell;
}

export const completionCommand: Command<CliContext> = withNotes(
  buildCommand<Record<never, never>, [Shell], CliContext>({
    func: completion,
    parameters: {
      positional: {
        kind: 'tuple',
        parameters: [
          { parse: parseShell, placeholder: 'SHELL', brief: SHELLS.join(', '), proposeCompletions: () => SHELLS },
        ],
      },
    },
    docs: {
      brief: 'print a completion script for bash, zsh or fish',
      fullDescription: 'Prints a completion script for bash, zsh or fish. The first line of it says where it goes.',
    },
  }),
  { exits: [], json: [] },
);
