import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { Ranking } from '../../../app/graph-calls.ts';
import type { CliContext } from '../../command-context.ts';
import { DATABASE_EXITS, withNotes } from '../../command-help.ts';
import { typesFlag, viewFlags, viewOf } from '../../graph-flags.ts';
import type { TypesFlag, ViewFlags } from '../../graph-flags.ts';
import { limitFlag, LISTING_NOTE, printListing, SCOPE_JSON } from '../../graph-listing.ts';
import type { LimitFlag } from '../../graph-listing.ts';
import { idBeginning, text } from '../../parsers.ts';
import { describeRanks } from '../../render/whole-graph.ts';

interface Flags extends TypesFlag, ViewFlags, LimitFlag {
  readonly by?: Ranking | undefined;
  readonly around?: readonly string[] | undefined;
  readonly domain?: string | undefined;
}

async function graphRank(this: CliContext, { types, limit, by, around, domain, ...view }: Flags): Promise<void> {
  const valence = await this.open();
  const found = await valence.graph.rank({ types, limit, by, around, domain, ...viewOf(view) });
  await printListing(this.output, found, describeRanks);
}

export const graphRankCommand: Command<CliContext> = withNotes(
  buildCommand<Flags, [], CliContext>({
    func: graphRank,
    parameters: {
      flags: {
        by: {
          kind: 'enum',
          values: ['pagerank', 'support'],
          optional: true,
          brief: 'what makes a belief important; pagerank when left out',
        },
        around: {
          kind: 'parsed',
          parse: idBeginning,
          variadic: ',',
          optional: true,
          placeholder: 'ID',
          brief: 'PageRank as seen from this belief; repeat for several',
        },
        domain: {
          kind: 'parsed',
          parse: text,
          optional: true,
          placeholder: 'NAME',
          brief: 'list only beliefs of this domain',
        },
        ...typesFlag,
        ...limitFlag,
        ...viewFlags,
      },
    },
    docs: {
      brief: 'find the most important beliefs',
      fullDescription:
        'Ranks beliefs. By pagerank: a belief votes, by weight, for what it derives from and what it supports, a superseded one for what supersedes it, and votes of important beliefs count more; what casts no vote gives to all alike, or to those of --around. By support: the sum of weight and confidence, multiplied, over the active and disputed beliefs that support it or that it derives from. contradicts counts in neither.',
    },
  }),
  {
    exits: [...DATABASE_EXITS, 'graph/not-found', 'graph/refused'],
    json: [
      '{"type":"rank","place","score","belief":{…}}',
      `{"type":"ranks","by","beliefs","around":[…],"domain",${SCOPE_JSON}}`,
      LISTING_NOTE,
    ],
  },
);
