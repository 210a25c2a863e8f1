import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { CliContext } from '../command-context.ts';
import { DATABASE_EXITS, withNotes } from '../command-help.ts';

async function digest(this: CliContext): Promise<void> {
  const valence = await this.open();
  const report = await valence.digest();
  await this.output.result(report, () => report.digest);
}

export const digestCommand: Command<CliContext> = withNotes(
  buildCommand<Record<never, never>, [], CliContext>({
    func: digest,
    parameters: {},
    docs: {
      brief: 'print one SHA-256 over all the knowledge',
      fullDescription:
        'Prints one SHA-256 over all columns of all substrate tables in key order: equal for copies, on any engine.',
    },
  }),
  { exits: [...DATABASE_EXITS, 'database/failed'], json: ['{"type":"digest","digest","counts":{table:rows}}'] },
);
