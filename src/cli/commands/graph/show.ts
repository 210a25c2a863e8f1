import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import { EDGE_TYPES } from '../../../app/knowledge-calls.ts';
import type { EdgeType } from '../../../app/knowledge-calls.ts';
import type { CliContext } from '../../command-context.ts';
import { DATABASE_EXITS, withNotes } from '../../command-help.ts';
import { count } from '../../parsers.ts';
import { describeNeighbourhood } from '../../render/edge.ts';
import { beliefArgument } from '../../shared-arguments.ts';

interface Flags {
  readonly type?: readonly EdgeType[] | undefined;
  readonly direction: 'outgoing' | 'incoming' | 'both';
  readonly depth?: number | undefined;
}

async function graphShow(this: CliContext, flags: Flags, id: string): Promise<void> {
  const valence = await this.open();
  const around = await valence.graph.show(id, {
    edge_types: flags.type,
    direction: flags.direction,
    depth: flags.depth,
  });
  await this.output.result(around, () => describeNeighbourhood(around));
}

export const graphShowCommand: Command<CliContext> = withNotes(
  buildCommand<Flags, [string], CliContext>({
    func: graphShow,
    parameters: {
      flags: {
        type: {
          kind: 'enum',
          values: EDGE_TYPES,
          variadic: true,
          optional: true,
          brief: 'only edges of this type; repeat for several',
        },
        direction: { kind: 'enum', values: ['outgoing', 'incoming', 'both'], default: 'both', brief: 'which edges' },
        depth: {
          kind: 'parsed',
          parse: count,
          optional: true,
          placeholder: 'N',
          brief: 'how many hops away; 1 when left out',
        },
      },
      positional: { kind: 'tuple', parameters: [beliefArgument] },
    },
    docs: { brief: 'show a belief with its edges and what they lead to' },
  }),
  {
    exits: [...DATABASE_EXITS, 'graph/not-found'],
    json: [
      '{"type":"neighbourhood","belief":{…},"edges":[{"direction":"outgoing|incoming","edge":{…},"belief":{…},"hops"}],"complete"}',
    ],
  },
);
