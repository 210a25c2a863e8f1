import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { CliContext } from '../../command-context.ts';
import { DATABASE_EXITS, withNotes } from '../../command-help.ts';
import { typesFlag, viewFlags, viewOf } from '../../graph-flags.ts';
import type { TypesFlag, ViewFlags } from '../../graph-flags.ts';
import { limitFlag, LISTING_NOTE, printListing, SCOPE_JSON } from '../../graph-listing.ts';
import type { LimitFlag } from '../../graph-listing.ts';
import { describeCycles } from '../../render/whole-graph.ts';

interface Flags extends TypesFlag, ViewFlags, LimitFlag {}

async function graphCycles(this: CliContext, { types, limit, ...view }: Flags): Promise<void> {
  const valence = await this.open();
  const found = await valence.graph.cycles({ types, limit, ...viewOf(view) });
  await printListing(this.output, found, describeCycles);
}

export const graphCyclesCommand: Command<CliContext> = withNotes(
  buildCommand<Flags, [], CliContext>({
    func: graphCycles,
    parameters: { flags: { ...typesFlag, ...limitFlag, ...viewFlags } },
    docs: {
      brief: 'find beliefs that lead back to themselves',
      fullDescription:
        'Finds groups of beliefs each of which leads to every other over supports, supersedes and derives_from, from source to target, and of each group a shortest cycle through its least id. With --types contradicts, which goes both ways, a contradiction is a cycle of two. That there is none is an answer too: exit 0.',
    },
  }),
  {
    exits: [...DATABASE_EXITS, 'graph/refused'],
    json: [
      '{"type":"cycle","name","size","length","beliefs":[…],"edges":[…]}, the first hundred of both; size counts the group, length the cycle',
      `{"type":"cycles","cycles","beliefs",${SCOPE_JSON}}`,
      LISTING_NOTE,
    ],
  },
);
