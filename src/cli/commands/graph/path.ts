import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { CliContext } from '../../command-context.ts';
import { DATABASE_EXITS, withNotes } from '../../command-help.ts';
import { budgetFlags, budgetOf, directionFlag, typesFlag, viewFlags, viewOf } from '../../graph-flags.ts';
import type { BudgetFlags, DirectionFlag, TypesFlag, ViewFlags } from '../../graph-flags.ts';
import { count } from '../../parsers.ts';
import { openFlag, PICTURE_JSON, showPicture } from '../../picture.ts';
import { describePaths } from '../../render/path.ts';
import { WALKED_JSON } from '../../render/walked.ts';
import { beliefArgument } from '../../shared-arguments.ts';

interface Flags extends TypesFlag, DirectionFlag, ViewFlags, BudgetFlags {
  readonly strongest?: boolean | undefined;
  readonly k?: number | undefined;
  readonly maxHops?: number | undefined;
  readonly open?: boolean | undefined;
}

async function graphPath(this: CliContext, flags: Flags, from: string, to: string): Promise<void> {
  const valence = await this.open();
  const { strongest, k, types, direction, maxHops } = flags;
  const search = await valence.graph.path(from, to, {
    ...{ strongest, k, types, direction, maxHops },
    ...viewOf(flags),
    ...budgetOf(flags),
  });
  if (flags.open !== true || search.outcome !== 'found') {
    return this.output.result(search, () => describePaths(search));
  }
  await showPicture(this, valence, {
    seeds: [search.from, search.to],
    beliefs: search.paths.flatMap(({ beliefs }) => beliefs),
    edges: search.paths.flatMap(({ edges }) => edges),
    stopped: search.stopped,
  });
}

export const graphPathCommand: Command<CliContext> = withNotes(
  buildCommand<Flags, [string, string], CliContext>({
    func: graphPath,
    parameters: {
      flags: {
        strongest: {
          kind: 'boolean',
          optional: true,
          withNegated: false,
          brief: 'the greatest product of weights instead of the fewest hops',
        },
        k: { kind: 'parsed', parse: count, optional: true, placeholder: 'N', brief: 'so many paths; 1 when left out' },
        maxHops: {
          kind: 'parsed',
          parse: count,
          optional: true,
          placeholder: 'N',
          brief: 'none longer; left out, 10, and any number of the strongest',
        },
        ...typesFlag,
        ...directionFlag,
        ...viewFlags,
        ...budgetFlags,
        open: openFlag,
      },
      aliases: { k: 'k' },
      positional: {
        kind: 'tuple',
        parameters: [
          { ...beliefArgument, placeholder: 'FROM' },
          { ...beliefArgument, placeholder: 'TO' },
        ],
      },
    },
    docs: {
      brief: 'find the best path or paths between two beliefs',
      fullDescription:
        'Finds the path of the fewest hops between two beliefs, or the strongest, or several. That there is none is an answer too, and another one than that the search was given up at a limit; both exit 0.',
    },
  }),
  {
    exits: [...DATABASE_EXITS, 'graph/not-found', 'graph/refused'],
    json: [
      `{"type":"path-search","from","to","outcome":"found|none|limit","paths":[{"type":"path","hops","strength","polarity":"supports|opposes","beliefs":[…],"edges":[…]}],${WALKED_JSON}}`,
      PICTURE_JSON,
    ],
  },
);
