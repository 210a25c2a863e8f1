import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { CliContext } from '../../command-context.ts';
import { DATABASE_EXITS, withNotes } from '../../command-help.ts';
import { viewFlags, viewOf } from '../../graph-flags.ts';
import type { ViewFlags } from '../../graph-flags.ts';
import { beliefArgument } from '../../shared-arguments.ts';
import { BELIEF_JSON, describeBelief, describeDetails } from '../../render/belief.ts';

async function beliefShow(this: CliContext, flags: ViewFlags, id: string): Promise<void> {
  const valence = await this.open();
  if (flags.asOf !== undefined || flags.knownAt !== undefined) {
    const belief = await valence.belief.at(id, viewOf(flags));
    await this.output.result(belief, () => describeBelief(belief));
    return;
  }
  const details = await valence.belief.show(id);
  await this.output.result({ ...details, type: 'belief-details' }, () => describeDetails(details));
}

export const beliefShowCommand: Command<CliContext> = withNotes(
  buildCommand<ViewFlags, [string], CliContext>({
    func: beliefShow,
    parameters: { flags: viewFlags, positional: { kind: 'tuple', parameters: [beliefArgument] } },
    docs: {
      brief: 'show one belief',
      fullDescription:
        'Shows one belief: what it says and said before, where it comes from, and how many edges it has. With a time, what it said then; that it was not known or is not valid then is an error which says since when it is.',
    },
  }),
  {
    exits: [...DATABASE_EXITS, 'graph/not-found', 'graph/refused'],
    json: [
      '{"type":"belief-details", all of "belief" in `belief list`, "sources":[…],"models":[…],"edges":{"outgoing","incoming"},"versions":[…]}',
      BELIEF_JSON,
    ],
  },
);
