import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { CliContext } from '../../command-context.ts';
import { DATABASE_EXITS, withNotes } from '../../command-help.ts';
import { viewFlags } from '../../graph-flags.ts';
import { count, text } from '../../parsers.ts';
import { describeContradictions } from '../../render/contradictions.ts';

interface Flags {
  readonly domain?: string | undefined;
  readonly limit?: number | undefined;
  readonly grounds?: boolean | undefined;
  readonly all?: boolean | undefined;
  readonly asOf?: string | undefined;
}

async function graphContradictions(this: CliContext, { asOf, ...flags }: Flags): Promise<void> {
  const valence = await this.open();
  const found = await valence.graph.contradictions({ ...flags, as_of: asOf });
  await this.output.result(found, () => describeContradictions(found));
}

export const graphContradictionsCommand: Command<CliContext> = withNotes(
  buildCommand<Flags, [], CliContext>({
    func: graphContradictions,
    parameters: {
      flags: {
        domain: {
          kind: 'parsed',
          parse: text,
          optional: true,
          placeholder: 'NAME',
          brief: 'only with an end of this domain',
        },
        limit: {
          kind: 'parsed',
          parse: count,
          optional: true,
          placeholder: 'N',
          brief: 'show at most so many; 20 when left out',
        },
        grounds: {
          kind: 'boolean',
          optional: true,
          withNegated: false,
          brief: 'look for beliefs from which chains of support lead to both ends',
        },
        all: {
          kind: 'boolean',
          optional: true,
          withNegated: false,
          brief: 'those too of which an end is superseded or archived',
        },
        asOf: viewFlags.asOf,
      },
    },
    docs: {
      brief: 'open contradictions, the most at stake first',
      fullDescription:
        'Lists contradictions between beliefs that are active or disputed. What is at stake is the weight of the contradiction times the lesser confidence of the two.',
    },
  }),
  {
    exits: [...DATABASE_EXITS, 'graph/refused'],
    json: [
      '{"type":"contradictions","as_of","total","contradictions":[{"edge":{…},"ends":[{…},{…}],"at_stake","open","grounds":null|{"found","nearest":[{"belief":{…},"chains":[[ids],[ids]]}],"stopped"}}]}',
    ],
  },
);
