import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { CliContext } from '../../command-context.ts';
import { DATABASE_EXITS, withNotes } from '../../command-help.ts';
import { describeStats } from '../../render/graph-stats.ts';

async function graphStats(this: CliContext): Promise<void> {
  const valence = await this.open();
  const stats = await valence.graph.stats();
  await this.output.result(stats, () => describeStats(stats));
}

export const graphStatsCommand: Command<CliContext> = withNotes(
  buildCommand<Record<never, never>, [], CliContext>({
    func: graphStats,
    parameters: {},
    docs: {
      brief: 'count what there is',
      fullDescription:
        'Counts beliefs, edges, sources, domains and embeddings, and says how the graph hangs together: edges at a belief, the beliefs with the most of them, components.',
    },
  }),
  {
    exits: DATABASE_EXITS,
    json: [
      '{"type":"graph-stats","beliefs":{"total","active","superseded","disputed","archived","isolated","without_source"},',
      ' "edges":{"live","retired","types":[{"edge_type","live","retired"}]},"degrees":{"mean","median","p95","max"},',
      ' "hubs":[{"belief":{…},"outgoing","incoming"}],"components":{"total","largest"},"sources":{"total","retired"},',
      ' "embeddings":[{"model","dimensions","beliefs"}],"domains":{"total","top":[{"domain","beliefs"}]},"tables":[{"table","bytes"}]}',
    ],
  },
);
