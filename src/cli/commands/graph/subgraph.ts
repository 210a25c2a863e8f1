import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { CliContext } from '../../command-context.ts';
import { DATABASE_EXITS, withNotes } from '../../command-help.ts';
import { budgetFlags, budgetOf, directionFlag, typesFlag, viewFlags, viewOf } from '../../graph-flags.ts';
import type { BudgetFlags, DirectionFlag, TypesFlag, ViewFlags } from '../../graph-flags.ts';
import { PART_JSON, partFlags, partWriter } from '../../part-output.ts';
import type { PartFlags } from '../../part-output.ts';
import { wholeNumber } from '../../parsers.ts';
import { PICTURE_JSON } from '../../picture.ts';
import { describeSubgraph } from '../../render/reached.ts';
import { WALKED_JSON } from '../../render/walked.ts';
import { beliefArgument } from '../../shared-arguments.ts';

interface Flags extends TypesFlag, DirectionFlag, ViewFlags, BudgetFlags, PartFlags {
  readonly hops?: number | undefined;
}

async function graphSubgraph(this: CliContext, flags: Flags, ...ids: string[]): Promise<void> {
  const write = await partWriter(this, flags);
  const valence = await this.open();
  const { types, direction, hops } = flags;
  const found = await valence.graph.subgraph(ids, { types, direction, hops, ...viewOf(flags), ...budgetOf(flags) });
  await (write === null ? this.output.result(found, () => describeSubgraph(found)) : write(valence, found));
}

export const graphSubgraphCommand: Command<CliContext> = withNotes(
  buildCommand<Flags, string[], CliContext>({
    func: graphSubgraph,
    parameters: {
      flags: {
        hops: {
          kind: 'parsed',
          parse: wholeNumber,
          optional: true,
          placeholder: 'N',
          brief: 'how many hops from the nearest of them, 0 for these alone; 2 when left out',
        },
        ...typesFlag,
        ...directionFlag,
        ...viewFlags,
        ...budgetFlags,
        ...partFlags,
      },
      positional: { kind: 'array', parameter: beliefArgument, minimum: 1 },
    },
    docs: {
      brief: 'cut out the beliefs around some, with every edge between two of them',
      fullDescription:
        'Cuts out the beliefs within some hops of any of those given, with every edge of the types between two of them. It can go to other\n' +
        'tools: json is nodes and links, as D3 and NetworkX read them; dot is for Graphviz, which also draws svg; cypher adds it to Neo4j,\n' +
        'Memgraph or Apache AGE.',
    },
  }),
  {
    exits: [...DATABASE_EXITS, 'graph/not-found', 'graph/refused', 'backend/full', 'backend/unavailable'],
    json: [
      `{"type":"subgraph","seeds":[…],"hops","beliefs":[{…,"hops"}],"edges":[{…}],${WALKED_JSON}}`,
      PART_JSON,
      PICTURE_JSON,
    ],
  },
);
