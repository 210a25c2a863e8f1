import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { CliContext } from '../../command-context.ts';
import { DATABASE_EXITS, withNotes } from '../../command-help.ts';
import { hopsAway, budgetFlags, budgetOf, directionFlag, typesFlag, viewFlags, viewOf } from '../../graph-flags.ts';
import type { BudgetFlags, DirectionFlag, TypesFlag, ViewFlags } from '../../graph-flags.ts';
import { openFlag, PICTURE_JSON, showPicture } from '../../picture.ts';
import { describeNeighbourhood } from '../../render/neighbourhood.ts';
import { WALKED_JSON } from '../../render/walked.ts';
import { beliefArgument } from '../../shared-arguments.ts';

interface Flags extends TypesFlag, DirectionFlag, ViewFlags, BudgetFlags {
  readonly depth?: number | undefined;
  readonly open?: boolean | undefined;
}

async function graphShow(this: CliContext, flags: Flags, id: string): Promise<void> {
  const valence = await this.open();
  const { types, direction, depth } = flags;
  const around = await valence.graph.show(id, { types, direction, depth, ...viewOf(flags), ...budgetOf(flags) });
  if (flags.open !== true) return this.output.result(around, () => describeNeighbourhood(around));
  await showPicture(this, valence, {
    seeds: [around.belief.id],
    beliefs: [around.belief, ...around.edges.map(({ belief }) => belief)],
    edges: around.edges.map(({ edge }) => edge),
    stopped: around.stopped ?? (around.more === null ? null : 'edges'),
  });
}

export const graphShowCommand: Command<CliContext> = withNotes(
  buildCommand<Flags, [string], CliContext>({
    func: graphShow,
    parameters: {
      flags: {
        depth: hopsAway,
        ...typesFlag,
        ...directionFlag,
        ...viewFlags,
        ...budgetFlags,
        open: openFlag,
      },
      positional: { kind: 'tuple', parameters: [beliefArgument] },
    },
    docs: {
      brief: 'show a belief with its sources, its edges and what they lead to',
      fullDescription:
        'Shows a belief, its sources and the edges around it as a tree, the first 1,000 of them. Each belief is expanded once, where it is nearest.',
    },
  }),
  {
    exits: [...DATABASE_EXITS, 'graph/not-found', 'graph/refused'],
    json: [
      `{"type":"neighbourhood","belief":{…},"sources":[…],"depth","edges":[{"parent","direction":"outgoing|incoming","edge":{…},"belief":{…},"hops","polarity":"supports|opposes","repeated"}],"more":{"edges","atLeast"} or null,${WALKED_JSON}}`,
      PICTURE_JSON,
    ],
  },
);
