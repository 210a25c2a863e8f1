import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { CliContext } from '../../command-context.ts';
import { DATABASE_EXITS, withNotes } from '../../command-help.ts';
import { typesFlag, viewFlags, viewOf } from '../../graph-flags.ts';
import type { TypesFlag, ViewFlags } from '../../graph-flags.ts';
import { groupFlags, LISTING_NOTE, printListing, SCOPE_JSON } from '../../graph-listing.ts';
import type { GroupFlags } from '../../graph-listing.ts';
import { describeComponents } from '../../render/whole-graph.ts';

interface Flags extends TypesFlag, ViewFlags, GroupFlags {}

async function graphComponents(this: CliContext, { types, of, minSize, limit, ...view }: Flags): Promise<void> {
  const valence = await this.open();
  const found = await valence.graph.components({ types, of, minSize, limit, ...viewOf(view) });
  await printListing(this.output, found, describeComponents);
}

export const graphComponentsCommand: Command<CliContext> = withNotes(
  buildCommand<Flags, [], CliContext>({
    func: graphComponents,
    parameters: { flags: { ...typesFlag, ...groupFlags, ...viewFlags } },
    docs: {
      brief: 'find what hangs together',
      fullDescription:
        'Finds the connected components: beliefs that are joined, directly or not, whatever the direction of the edges. The largest come first.',
    },
  }),
  {
    exits: [...DATABASE_EXITS, 'graph/not-found', 'graph/refused'],
    json: [
      '{"type":"component","name","size","belief":{…},"members"}, members being null or, with --of, {"beliefs":[…],"more"}',
      `{"type":"components","components","beliefs","largest","alone",${SCOPE_JSON}}`,
      LISTING_NOTE,
    ],
  },
);
