import { ValenceError } from '../core/errors.ts';
import { countUnembedded } from '../graph/embedding/missing-embeddings.ts';
import type { MissingCounts } from '../graph/embedding/missing-embeddings.ts';
import { modelNamed } from '../graph/embedding/models.ts';
import type { Model } from '../graph/embedding/models.ts';
import type { Database } from '../schema/database.ts';
import type { AppContext } from './context.ts';
import type { EmbedOptions, EmbedReport } from './embed-calls.ts';
import { EmbedRun } from './embed-run.ts';
import { chooseEmbedder, CONFIGURE_EMBEDDER, connect } from './embedder.ts';
import { buildMissingIndexes } from './vector-indexes.ts';

/** Carries out `embed` of the library over one context. */
export async function embedMissing(context: AppContext, options: EmbedOptions = {}): Promise<EmbedReport> {
  const chosen = chooseEmbedder(await context.config(), options.model);
  if (chosen === null) throw noEmbedder();
  const database = await context.database();
  const embedder = await connect(context, chosen);
  const model = await modelNamed(database, chosen.model);
  const missing = (of: Model | null): Promise<MissingCounts> =>
    countUnembedded(database, { ...options, modelId: of?.id ?? null }, chosen.config.maxChars);
  const before = await missing(model);
  const { domain, status, limit = Number.POSITIVE_INFINITY, dryRun = false } = options;
  const base = { type: 'embed', model: chosen.model, host: embedder.host, dryRun } as const;
  const total = Math.min(before.beliefs, limit);
  if (dryRun) {
    const counted = { embedded: total, cut: Math.min(before.cut, total), missing: before.beliefs };
    const dimensions = model?.dimensions ?? chosen.config.dimensions;
    return { ...base, ...counted, dimensions, failed: 0, failures: [], complete: true };
  }
  const { config } = chosen;
  const run = new EmbedRun(context, { database, embedder, config, model, domain, status, limit, total });
  await carryOut(context, database, run);
  const { embedded, cut, failed, failures } = run;
  const left = (await missing(run.model)).beliefs;
  const complete = failed === 0 && (left === 0 || embedded >= limit);
  const dimensions = run.model?.dimensions ?? null;
  return { ...base, dimensions, embedded, cut, failed, failures, missing: left, complete };
}

/** What was stored is kept, also where the run breaks off. */
async function carryOut(context: AppContext, database: Database, run: EmbedRun): Promise<void> {
  try {
    await run.finish();
    if (run.model !== null) await buildMissingIndexes(context, database);
  } finally {
    await database.sync();
  }
}

function noEmbedder(): ValenceError {
  return new ValenceError('config/invalid', 'no embedder is configured', {
    hint: CONFIGURE_EMBEDDER,
  });
}
