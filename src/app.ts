import type { BackendCalls } from './app/backend-calls.ts';
import type { BackupCalls } from './app/backup-calls.ts';
import { openContext } from './app/context.ts';
import type { AppContext } from './app/context.ts';
import type { EmbedCalls } from './app/embed-calls.ts';
import type { KnowledgeCalls } from './app/knowledge-calls.ts';
import type { ValenceOptions } from './app/options.ts';
import type { HealthFinding, KeyCalls, VaultCalls } from './app/vault-calls.ts';

export type { ValenceOptions };

/**
 * One installation of Valence: the same calls as the command line. Opening costs nothing; home, database and backends are
 * opened by the first call that needs them, and closed with it. One call at a time, except where two only read.
 */
export interface Valence extends KnowledgeCalls, EmbedCalls, AsyncDisposable {
  readonly keys: KeyCalls;
  readonly backup: BackupCalls;
  readonly backend: BackendCalls;
  readonly vault: VaultCalls;
  /** What is wrong here, what is not backed up, and what to do. Changes nothing; worst first. */
  doctor(): Promise<readonly HealthFinding[]>;
}

/** Errors of every call are `ValenceError`s; docs/errors.md has their codes. */
export function openValence(options: ValenceOptions = {}): Valence {
  const context = openContext(options);
  return {
    ...knowledgeOf(context),
    ...embeddingOf(context),
    ...vaultOf(context),
    backup: backupOf(context),
    backend: backendOf(context),
    [Symbol.asyncDispose]: () => context[Symbol.asyncDispose](),
  };
}

// Each half is loaded when it is first called: a belief is listed without the machinery of backups, and the other way round.

function knowledgeOf(context: AppContext): KnowledgeCalls {
  const calls = once(async () => (await import('./app/knowledge.ts')).knowledgeCalls(context));
  return {
    init: async () => (await calls()).init(),
    import: async (inputs, options) => (await calls()).import(inputs, options),
    export: (options) => later(calls, (loaded) => loaded.export(options)),
    digest: async () => (await calls()).digest(),
    belief: {
      add: async (draft) => (await calls()).belief.add(draft),
      show: async (id) => (await calls()).belief.show(id),
      at: async (id, view) => (await calls()).belief.at(id, view),
      history: async (id, options) => (await calls()).belief.history(id, options),
      list: (filter) => later(calls, (loaded) => loaded.belief.list(filter)),
      set: async (id, change) => (await calls()).belief.set(id, change),
      retire: async (id) => (await calls()).belief.retire(id),
    },
    source: {
      add: async (draft) => (await calls()).source.add(draft),
      list: (filter) => later(calls, (loaded) => loaded.source.list(filter)),
      retire: async (id) => (await calls()).source.retire(id),
    },
    search: async (text, options) => (await calls()).search(text, options),
    graph: {
      show: async (id, filter) => (await calls()).graph.show(id, filter),
      addEdge: async (draft) => (await calls()).graph.addEdge(draft),
      retireEdge: async (id) => (await calls()).graph.retireEdge(id),
      path: async (from, to, options) => (await calls()).graph.path(from, to, options),
      neighbors: async (id, options) => (await calls()).graph.neighbors(id, options),
      subgraph: async (ids, options) => (await calls()).graph.subgraph(ids, options),
      lineage: async (id, options) => (await calls()).graph.lineage(id, options),
      sourceLineage: async (id, options) => (await calls()).graph.sourceLineage(id, options),
      beliefOrSource: async (id) => (await calls()).graph.beliefOrSource(id),
      supersession: async (id, options) => (await calls()).graph.supersession(id, options),
      contradictions: async (options) => (await calls()).graph.contradictions(options),
      propagate: async (options) => (await calls()).graph.propagate(options),
      whatIf: async (without, options) => (await calls()).graph.whatIf(without, options),
      check: async () => (await calls()).graph.check(),
      components: async (options) => (await calls()).graph.components(options),
      communities: async (options) => (await calls()).graph.communities(options),
      rank: async (options) => (await calls()).graph.rank(options),
      cycles: async (options) => (await calls()).graph.cycles(options),
      stats: async () => (await calls()).graph.stats(),
      export: (part, format) => later(calls, (loaded) => loaded.graph.export(part, format)),
      project: async (options) => (await calls()).graph.project(options),
      projection: async (options) => (await calls()).graph.projection(options),
      dropProjection: async (options) => (await calls()).graph.dropProjection(options),
    },
  };
}

function embeddingOf(context: AppContext): EmbedCalls {
  const models = once(async () => (await import('./app/models.ts')).modelCalls(context));
  return {
    embed: async (options) => (await import('./app/embed.ts')).embedMissing(context, options),
    model: {
      list: async () => (await models()).list(),
      remove: async (name) => (await models()).remove(name),
    },
  };
}

function backupOf(context: AppContext): BackupCalls {
  const calls = once(async () => (await import('./app/backup.ts')).backupCalls(context));
  const reading = once(() => import('./app/snapshot-list.ts'));
  return {
    config: async (edit) => (await calls()).config(edit),
    run: (options) => later(calls, (loaded) => loaded.run(options)),
    plan: (options) => later(calls, (loaded) => loaded.plan(options)),
    list: (options) => later(reading, ({ listSnapshots }) => listSnapshots(context, options)),
    show: async (id, options) => (await reading()).showSnapshot(context, id, options),
    verify: (options) => later(calls, (loaded) => loaded.verify(options)),
    repair: (options) => later(calls, (loaded) => loaded.repair(options)),
    restore: (options) => later(calls, (loaded) => loaded.restore(options)),
    diff: (options) => later(calls, (loaded) => loaded.diff(options)),
  };
}

function backendOf(context: AppContext): BackendCalls {
  const calls = once(async () => (await import('./app/backend.ts')).backendCalls(context));
  return { check: (place) => later(calls, (loaded) => loaded.check(place)) };
}

function vaultOf(context: AppContext): Pick<Valence, 'keys' | 'vault' | 'doctor'> {
  const module = once(() => import('./app/vault.ts'));
  return {
    keys: { init: async () => (await module()).keyCalls(context).init() },
    vault: { attach: async (options) => (await module()).vaultCalls(context).attach(options) },
    doctor: async () => (await module()).examine(context),
  };
}

async function* later<C, T>(
  calls: () => Promise<C>,
  start: (loaded: C) => AsyncIterable<T>,
): AsyncGenerator<T, void, undefined> {
  yield* start(await calls());
}

function once<T>(load: () => Promise<T>): () => Promise<T> {
  let loading: Promise<T> | undefined;
  return () => (loading ??= load());
}
