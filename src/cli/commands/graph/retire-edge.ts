import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { CliContext } from '../../command-context.ts';
import { DATABASE_EXITS, withNotes } from '../../command-help.ts';
import { EDGE_JSON, edgeLine } from '../../render/edge.ts';
import { edgeArgument } from '../../shared-arguments.ts';

async function graphRetireEdge(this: CliContext, _flags: Record<never, never>, id: string): Promise<void> {
  await this.confirm(`Retire the edge ${id}?`);
  const valence = await this.open();
  const edge = await valence.graph.retireEdge(id);
  await this.output.result(edge, () => edgeLine(edge));
}

export const graphRetireEdgeCommand: Command<CliContext> = withNotes(
  buildCommand<Record<never, never>, [string], CliContext>({
    func: graphRetireEdge,
    parameters: { positional: { kind: 'tuple', parameters: [edgeArgument] } },
    docs: {
      brief: 'take an edge out of use',
      fullDescription: 'Takes an edge out of use; nothing is deleted. Asks first, unless --yes.',
    },
  }),
  { exits: [...DATABASE_EXITS, 'graph/not-found'], json: [EDGE_JSON] },
);
