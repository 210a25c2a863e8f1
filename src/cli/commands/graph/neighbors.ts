import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { CliContext } from '../../command-context.ts';
import { DATABASE_EXITS, withNotes } from '../../command-help.ts';
import { hopsAway, budgetFlags, budgetOf, directionFlag, typesFlag, viewFlags, viewOf } from '../../graph-flags.ts';
import type { BudgetFlags, DirectionFlag, TypesFlag, ViewFlags } from '../../graph-flags.ts';
import { describeNeighbors } from '../../render/reached.ts';
import { WALKED_JSON } from '../../render/walked.ts';
import { beliefArgument } from '../../shared-arguments.ts';

interface Flags extends TypesFlag, DirectionFlag, ViewFlags, BudgetFlags {
  readonly hops?: number | undefined;
}

async function graphNeighbors(this: CliContext, flags: Flags, id: string): Promise<void> {
  const valence = await this.open();
  const { types, direction, hops } = flags;
  const found = await valence.graph.neighbors(id, { types, direction, hops, ...viewOf(flags), ...budgetOf(flags) });
  await this.output.result(found, () => describeNeighbors(found));
}

export const graphNeighborsCommand: Command<CliContext> = withNotes(
  buildCommand<Flags, [string], CliContext>({
    func: graphNeighbors,
    parameters: {
      flags: {
        hops: hopsAway,
        ...typesFlag,
        ...directionFlag,
        ...viewFlags,
        ...budgetFlags,
      },
      positional: { kind: 'tuple', parameters: [beliefArgument] },
    },
    docs: { brief: 'list the beliefs within some hops of one, the nearest first' },
  }),
  {
    exits: [...DATABASE_EXITS, 'graph/not-found', 'graph/refused'],
    json: [`{"type":"neighbors","belief":{…},"hops","beliefs":[{…,"hops"}],${WALKED_JSON}}`],
  },
);
