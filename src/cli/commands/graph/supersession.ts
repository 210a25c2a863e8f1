import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { CliContext } from '../../command-context.ts';
import { DATABASE_EXITS, withNotes } from '../../command-help.ts';
import { budgetFlags, budgetOf, viewFlags, viewOf } from '../../graph-flags.ts';
import type { BudgetFlags, ViewFlags } from '../../graph-flags.ts';
import { describeSupersession } from '../../render/supersession.ts';
import { beliefArgument } from '../../shared-arguments.ts';

type Flags = ViewFlags & BudgetFlags;

async function graphSupersession(this: CliContext, flags: Flags, id: string): Promise<void> {
  const valence = await this.open();
  const found = await valence.graph.supersession(id, { ...viewOf(flags), ...budgetOf(flags) });
  await this.output.result(found, () => describeSupersession(found));
}

export const graphSupersessionCommand: Command<CliContext> = withNotes(
  buildCommand<Flags, [string], CliContext>({
    func: graphSupersession,
    parameters: {
      flags: {
        ...viewFlags,
        ...budgetFlags,
        maxBeliefs: { ...budgetFlags.maxBeliefs, brief: 'stop at so many beliefs; 100,000 when left out' },
        maxEdges: { ...budgetFlags.maxEdges, brief: 'stop after looking at so many edges; 1,000,000 when left out' },
      },
      positional: { kind: 'tuple', parameters: [beliefArgument] },
    },
    docs: {
      brief: 'the current version of a belief, and the older ones',
      fullDescription:
        'Shows what supersedes a belief, directly or through others, up to the current versions that nothing supersedes, and what it supersedes itself. The newest comes first.',
    },
  }),
  {
    exits: [...DATABASE_EXITS, 'graph/not-found', 'graph/refused'],
    json: [
      '{"type":"supersession","belief","as_of","known_at","beliefs":[{belief, "relation":"newer|itself|older","hops","current"}],"edges":[{…}],"stopped":null|"beliefs|edges|time"}',
    ],
  },
);
