import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { CliContext } from '../command-context.ts';
import { withNotes } from '../command-help.ts';

async function doctor(this: CliContext): Promise<void> {
  const valence = await this.open();
  for (const finding of await valence.doctor()) {
    if (finding.level === 'error') this.settle('degraded');
    const todo = finding.todo === null ? '' : `\n  ${finding.todo}`;
    await this.output.result(finding, () => `${finding.level.padEnd(7)}  ${finding.what}${todo}`);
  }
}

export const doctorCommand: Command<CliContext> = withNotes(
  buildCommand<Record<never, never>, [], CliContext>({
    func: doctor,
    parameters: {},
    docs: {
      brief: 'say what is wrong here, what is not backed up, and what to do',
      fullDescription:
        'Says what is wrong here, what is not backed up (tables that are not ours), and what to do. Changes nothing.',
    },
  }),
  { exits: ['degraded', 'config/invalid'], json: ['{"type":"finding","level":"error|warning|info","what","todo"}'] },
);
