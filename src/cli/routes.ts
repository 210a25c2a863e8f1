import { buildRouteMap } from '@stricli/core';
import type { RouteMap } from '@stricli/core';
import type { CliContext } from './command-context.ts';
import { globalOptionsHelp } from './command-help.ts';
import type { Target } from './command-tree.ts';
import { backendCheckCommand } from './commands/backend/check.ts';
import { backendListCommand } from './commands/backend/list.ts';
import { backupConfigCommand } from './commands/backup/config.ts';
import { backupDiffCommand } from './commands/backup/diff.ts';
import { backupListCommand } from './commands/backup/list.ts';
import { backupRepairCommand } from './commands/backup/repair.ts';
import { backupRestoreCommand } from './commands/backup/restore.ts';
import { backupRunCommand } from './commands/backup/run.ts';
import { backupShowCommand } from './commands/backup/show.ts';
import { backupVerifyCommand } from './commands/backup/verify.ts';
import { beliefAddCommand } from './commands/belief/add.ts';
import { beliefHistoryCommand } from './commands/belief/history.ts';
import { beliefListCommand } from './commands/belief/list.ts';
import { beliefRetireCommand } from './commands/belief/retire.ts';
import { beliefSetCommand } from './commands/belief/set.ts';
import { beliefShowCommand } from './commands/belief/show.ts';
import { completionCommand } from './commands/completion.ts';
import { digestCommand } from './commands/digest.ts';
import { doctorCommand } from './commands/doctor.ts';
import { embedCommand } from './commands/embed.ts';
import { exportCommand } from './commands/export.ts';
import { graphAddEdgeCommand } from './commands/graph/add-edge.ts';
import { graphCheckCommand } from './commands/graph/check.ts';
import { graphCommunitiesCommand } from './commands/graph/communities.ts';
import { graphComponentsCommand } from './commands/graph/components.ts';
import { graphContradictionsCommand } from './commands/graph/contradictions.ts';
import { graphCyclesCommand } from './commands/graph/cycles.ts';
import { graphLineageCommand } from './commands/graph/lineage.ts';
import { graphNeighborsCommand } from './commands/graph/neighbors.ts';
import { graphPathCommand } from './commands/graph/path.ts';
import { graphProjectCommand } from './commands/graph/project.ts';
import { graphPropagateCommand } from './commands/graph/propagate.ts';
import { graphRankCommand } from './commands/graph/rank.ts';
import { graphRetireEdgeCommand } from './commands/graph/retire-edge.ts';
import { graphShowCommand } from './commands/graph/show.ts';
import { graphStatsCommand } from './commands/graph/stats.ts';
import { graphSubgraphCommand } from './commands/graph/subgraph.ts';
import { graphSupersessionCommand } from './commands/graph/supersession.ts';
import { importCommand } from './commands/import.ts';
import { initCommand } from './commands/init.ts';
import { keysInitCommand } from './commands/keys/init.ts';
import { modelListCommand } from './commands/model/list.ts';
import { modelRemoveCommand } from './commands/model/remove.ts';
import { searchCommand } from './commands/search.ts';
import { sourceAddCommand } from './commands/source/add.ts';
import { sourceListCommand } from './commands/source/list.ts';
import { sourceRetireCommand } from './commands/source/retire.ts';
import { vaultAttachCommand } from './commands/vault/attach.ts';

const beliefs = noun('what is known, how surely, and since when', {
  add: beliefAddCommand,
  show: beliefShowCommand,
  list: beliefListCommand,
  set: beliefSetCommand,
  retire: beliefRetireCommand,
  history: beliefHistoryCommand,
});
const sources = noun('where beliefs come from', {
  add: sourceAddCommand,
  list: sourceListCommand,
  retire: sourceRetireCommand,
});
const graph = noun('how beliefs support, contradict, supersede and derive from each other', {
  show: graphShowCommand,
  neighbors: graphNeighborsCommand,
  subgraph: graphSubgraphCommand,
  path: graphPathCommand,
  lineage: graphLineageCommand,
  supersession: graphSupersessionCommand,
  contradictions: graphContradictionsCommand,
  components: graphComponentsCommand,
  communities: graphCommunitiesCommand,
  rank: graphRankCommand,
  cycles: graphCyclesCommand,
  stats: graphStatsCommand,
  check: graphCheckCommand,
  propagate: graphPropagateCommand,
  project: graphProjectCommand,
  'add-edge': graphAddEdgeCommand,
  'retire-edge': graphRetireEdgeCommand,
});
const backup = noun('back up: configure, run, list, compare, verify, repair, restore', {
  config: backupConfigCommand,
  run: backupRunCommand,
  list: backupListCommand,
  show: backupShowCommand,
  diff: backupDiffCommand,
  verify: backupVerifyCommand,
  repair: backupRepairCommand,
  restore: backupRestoreCommand,
});

const backend = noun('places that keep shards: list, check', {
  list: backendListCommand,
  check: backendCheckCommand,
});

/** Every command, by the words that lead to it. */
export const root: RouteMap<CliContext> = noun(
  'A personal knowledge base in Postgres, and the backup that lets it outlive its disk.',
  {
    init: initCommand,
    keys: noun('what opens the backups, and what this host backs up with', { init: keysInitCommand }),
    import: importCommand,
    export: exportCommand,
    belief: beliefs,
    source: sources,
    graph,
    search: searchCommand,
    embed: embedCommand,
    model: noun('what turns beliefs into vectors, to be searched by meaning', {
      list: modelListCommand,
      remove: modelRemoveCommand,
    }),
    backup,
    backend,
    vault: noun('continue a vault: all that is stored on backends', { attach: vaultAttachCommand }),
    digest: digestCommand,
    doctor: doctorCommand,
    completion: completionCommand,
  },
);

function noun(brief: string, commands: Readonly<Record<string, Target>>): RouteMap<CliContext> {
  // Without a prototype, `valence constructor` is an unknown command like any other.
  const routes = Object.assign(Object.create(null) as Record<string, Target>, commands);
  const map = buildRouteMap<string, CliContext>({ routes, docs: { brief } });
  return {
    ...map,
    brief,
    formatHelp: (args) => `${map.formatHelp(args).trimEnd()}\n\n${globalOptionsHelp()}\n`,
  };
}
