import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { CliContext } from '../../command-context.ts';
import { DATABASE_EXITS, withNotes } from '../../command-help.ts';
import { typesFlag, viewFlags, viewOf } from '../../graph-flags.ts';
import type { TypesFlag, ViewFlags } from '../../graph-flags.ts';
import { groupFlags, LISTING_NOTE, printListing, SCOPE_JSON } from '../../graph-listing.ts';
import type { GroupFlags } from '../../graph-listing.ts';
import { positive } from '../../parsers.ts';
import { describeCommunities } from '../../render/whole-graph.ts';

interface Flags extends TypesFlag, ViewFlags, GroupFlags {
  readonly resolution?: number | undefined;
}

async function graphCommunities(this: CliContext, flags: Flags): Promise<void> {
  const { types, of, minSize, limit, resolution, ...view } = flags;
  const valence = await this.open();
  const found = await valence.graph.communities({ types, of, minSize, limit, resolution, ...viewOf(view) });
  await printListing(this.output, found, describeCommunities);
}

export const graphCommunitiesCommand: Command<CliContext> = withNotes(
  buildCommand<Flags, [], CliContext>({
    func: graphCommunities,
    parameters: {
      flags: {
        ...typesFlag,
        ...groupFlags,
        resolution: {
          kind: 'parsed',
          parse: positive,
          optional: true,
          placeholder: 'R',
          brief: 'the higher, the smaller the communities; 1 when left out',
        },
        ...viewFlags,
      },
    },
    docs: {
      brief: 'find what belongs together',
      fullDescription:
        'Finds communities: beliefs that are joined to each other more closely than to the rest, by the Leiden algorithm, over the weights of supports, supersedes and derives_from. Each is connected. The same base gives the same communities. The largest come first.',
    },
  }),
  {
    exits: [...DATABASE_EXITS, 'graph/not-found', 'graph/refused'],
    json: [
      '{"type":"community","name","size","central":[…],"members"}, members being null or, with --of, {"beliefs":[…],"more"}',
      `{"type":"communities","communities","beliefs","largest","alone","modularity","resolution",${SCOPE_JSON}}`,
      LISTING_NOTE,
    ],
  },
);
