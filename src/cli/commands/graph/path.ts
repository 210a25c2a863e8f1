import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import { EDGE_TYPES } from '../../../app/knowledge-calls.ts';
import type { EdgeType } from '../../../app/knowledge-calls.ts';
import type { CliContext } from '../../command-context.ts';
import { DATABASE_EXITS, withNotes } from '../../command-help.ts';
import { count } from '../../parsers.ts';
import { describePath } from '../../render/edge.ts';
import { beliefArgument } from '../../shared-arguments.ts';

interface Flags {
  readonly type?: readonly EdgeType[] | undefined;
  readonly directed?: boolean | undefined;
  readonly maxHops?: number | undefined;
}

async function graphPath(this: CliContext, flags: Flags, from: string, to: string): Promise<void> {
  const valence = await this.open();
  const search = await valence.graph.path(from, to, {
    edge_types: flags.type,
    directed: flags.directed,
    maxHops: flags.maxHops,
  });
  if (search.outcome === 'found') {
    await this.output.result(search.path, () => describePath(search.path));
  } else {
    const exhausted = search.outcome === 'none';
    const text = exhausted ? 'no path' : 'no path within so many hops; --max-hops allows more';
    await this.output.result({ type: 'no-path', from, to, exhausted }, () => text);
  }
}

export const graphPathCommand: Command<CliContext> = withNotes(
  buildCommand<Flags, [string, string], CliContext>({
    func: graphPath,
    parameters: {
      flags: {
        type: {
          kind: 'enum',
          values: EDGE_TYPES,
          variadic: true,
          optional: true,
          brief: 'only over edges of this type; repeat for several',
        },
        directed: {
          kind: 'boolean',
          optional: true,
          withNegated: false,
          brief: 'only from source to target; contradicts goes both ways',
        },
        maxHops: {
          kind: 'parsed',
          parse: count,
          optional: true,
          placeholder: 'N',
          brief: 'give up beyond so many; 10 when left out',
        },
      },
      positional: {
        kind: 'tuple',
        parameters: [
          { ...beliefArgument, placeholder: 'FROM' },
          { ...beliefArgument, placeholder: 'TO' },
        ],
      },
    },
    docs: {
      brief: 'find a shortest path between two beliefs',
      fullDescription:
        'Finds a shortest path between two beliefs, by hops, over live edges. That there is none is an answer too: exit 0.',
    },
  }),
  {
    exits: [...DATABASE_EXITS, 'graph/not-found'],
    json: [
      '{"type":"path","hops","beliefs":[…],"edges":[…]}',
      '{"type":"no-path","from","to","exhausted"}, exhausted being false where a longer path may exist',
    ],
  },
);
