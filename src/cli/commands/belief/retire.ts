import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { CliContext } from '../../command-context.ts';
import { DATABASE_EXITS, withNotes } from '../../command-help.ts';
import { BELIEF_JSON, beliefLine } from '../../render/belief.ts';
import { LOST_JSON, retiredLines } from '../../render/losses.ts';
import { beliefArgument } from '../../shared-arguments.ts';

async function beliefRetire(this: CliContext, _flags: Record<never, never>, id: string): Promise<void> {
  await this.confirm(`Retire the belief ${id}?`);
  const valence = await this.open();
  const belief = await valence.belief.retire(id);
  await this.output.result(belief, () => [beliefLine(belief), ...retiredLines(belief.lost)].join('\n'));
}

export const beliefRetireCommand: Command<CliContext> = withNotes(
  buildCommand<Record<never, never>, [string], CliContext>({
    func: beliefRetire,
    parameters: { positional: { kind: 'tuple', parameters: [beliefArgument] } },
    docs: {
      brief: 'take a belief out of use',
      fullDescription:
        'Takes a belief out of use (status archived); nothing is deleted. Says which beliefs lose their ground with it, before and after. Asks first, unless --yes.',
    },
  }),
  {
    exits: [...DATABASE_EXITS, 'graph/not-found'],
    json: [`${BELIEF_JSON}, with "lost":${LOST_JSON}, or null where it was not computed`],
  },
);
