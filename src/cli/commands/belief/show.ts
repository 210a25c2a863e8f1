import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { CliContext } from '../../command-context.ts';
import { DATABASE_EXITS, withNotes } from '../../command-help.ts';
import { beliefArgument } from '../../shared-arguments.ts';
import { describeDetails } from '../../render/belief.ts';

async function beliefShow(this: CliContext, _flags: Record<never, never>, id: string): Promise<void> {
  const valence = await this.open();
  const details = await valence.belief.show(id);
  await this.output.result({ ...details, type: 'belief-details' }, () => describeDetails(details));
}

export const beliefShowCommand: Command<CliContext> = withNotes(
  buildCommand<Record<never, never>, [string], CliContext>({
    func: beliefShow,
    parameters: { positional: { kind: 'tuple', parameters: [beliefArgument] } },
    docs: {
      brief: 'show one belief',
      fullDescription:
        'Shows one belief: what it says and said before, where it comes from, and how many edges it has.',
    },
  }),
  {
    exits: [...DATABASE_EXITS, 'graph/not-found'],
    json: [
      '{"type":"belief-details", all of "belief" in `belief list`, "sources":[…],"models":[…],"edges":{"outgoing","incoming"},"versions":[…]}',
    ],
  },
);
