import { addBelief, listBeliefs, retireBelief, setBelief, showBelief } from '../graph/records/beliefs.ts';
import { findId } from '../graph/records/find-id.ts';
import { beliefHistory } from '../graph/records/history.ts';
import { recordedBelief } from '../graph/records/recorded-beliefs.ts';
import { substrateDigest } from '../graph/snapshot/digest.ts';
import { exportLines } from '../graph/lines/export.ts';
import { importInputs } from '../graph/lines/import.ts';
import { snapshotSourceOf } from '../graph/snapshot/snapshot-source.ts';
import { addSource, listSources, retireSource } from '../graph/records/sources.ts';
import type { Database } from '../schema/database.ts';
import type { AppContext } from './context.ts';
import { read, write } from './database-access.ts';
import { graphCalls } from './graph.ts';
import { handedOut } from './handed-out.ts';
import { lostByRetiring } from './reasoning.ts';
import { setUpHome } from './home-setup.ts';
import { buildMissingIndexes } from './vector-indexes.ts';
import type { BeliefCalls, KnowledgeCalls, SourceCalls } from './knowledge-calls.ts';
import { searchCalls } from './search.ts';

/** Lines are handed over in batches, so that handing over costs nothing beside reading. */
const BATCH_LINES = 500;

/** The knowledge half of the library over one context. */
export function knowledgeCalls(context: AppContext): KnowledgeCalls {
  const { clock, random, progress, signal } = context;
  return {
    init: () => setUpHome(context),
    async import(inputs, options = {}) {
      const database = await context.database();
      const counts = await importInputs(database, inputs, {
        ...options,
        clock,
        random,
        progress,
        signal,
      });
      await buildMissingIndexes(context, database);
      await database.sync();
      return { type: 'import', ...counts };
    },
    export: ({ full = false } = {}) => exported(context, full),
    async digest() {
      const database = await context.database();
      progress({ stage: 'reading all tables' });
      return { type: 'digest', ...(await snapshotSourceOf(database, { signal })(substrateDigest)) };
    },
    belief: beliefCalls(context),
    source: sourceCalls(context),
    graph: graphCalls(context),
    ...searchCalls(context),
  };
}

function beliefCalls(context: AppContext): BeliefCalls {
  return {
    async add(draft) {
      const database = await context.database();
      const belief = await addBelief(database, draft, context);
      await database.sync();
      return belief;
    },
    show: (id) => read(context, (session) => showBelief(session, id)),
    at: (id, view) => read(context, (session) => recordedBelief(session, id, view)),
    history: (id, options) => read(context, (session) => beliefHistory(session, id, options)),
    list: (filter) => later(context, (database) => listBeliefs(database, filter)),
    set: (id, change) => write(context, (session) => setBelief(session, id, change)),
    retire: (id) =>
      write(context, async (session) => {
        const found = await findId(session, 'belief', id);
        const lost = await lostByRetiring(context, session, { kind: 'belief', id: found });
        return { ...(await retireBelief(session, found)), lost };
      }),
  };
}

function sourceCalls(context: AppContext): SourceCalls {
  return {
    add: (draft) => write(context, (session) => addSource(session, draft, context.clock)),
    list: (filter) => later(context, (database) => listSources(database, filter)),
    retire: (id) =>
      write(context, async (session) => {
        const found = await findId(session, 'source', id);
        const lost = await lostByRetiring(context, session, { kind: 'source', id: found });
        return { ...(await retireSource(session, found, context.clock)), lost };
      }),
  };
}

/** In no transaction, which on the embedded database would keep a caller from any other call while it reads. */
async function* later<T>(
  context: AppContext,
  rows: (database: Database) => AsyncIterable<T>,
): AsyncGenerator<T, void, undefined> {
  yield* rows(await context.database());
}

async function* exported(context: AppContext, full: boolean): AsyncGenerator<string, void, undefined> {
  const { signal } = context;
  const batches = handedOut<readonly string[]>((emit) =>
    read(context, async (session) => {
      let batch: string[] = [];
      for await (const line of exportLines(session, { full, signal })) {
        batch.push(line);
        if (batch.length < BATCH_LINES) continue;
        await emit(batch);
        batch = [];
      }
      if (batch.length > 0) await emit(batch);
    }),
  );
  for await (const batch of batches) yield* batch;
}
