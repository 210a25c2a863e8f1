import { sql } from 'kysely';
import type { Clock } from '../../core/clock.ts';
import type { ProgressSink } from '../../core/progress.ts';
import { silentProgress } from '../../core/progress.ts';
import type { Random } from '../../core/random.ts';
import type { Database, Session } from '../../schema/database.ts';
import { modelId } from '../records/derived-ids.ts';
import { applyStaged, foldContradictions } from './import-apply.ts';
import type { ImportCounts } from './import-apply.ts';
import { checkStaged } from './import-checks.ts';
import type { OnConflict } from './import-checks.ts';
import { readInput } from './import-input.ts';
import type { ImportInput } from './import-input.ts';
import { importLines } from './import-lines.ts';
import type { ImportLine } from './import-lines.ts';
import { ImportProblems } from './import-problems.ts';
import { parseRecord } from './import-record.ts';
import type { RecordContext } from './import-record.ts';
import { Staging } from './staging.ts';

export interface ImportOptions {
  /** Whose vectors the field `embedding` has. */
  readonly model?: string | undefined;
  /** Default `error`. */
  readonly onConflict?: OnConflict | undefined;
  /** Gives the time of rows that state none. */
  readonly clock: Clock;
  /** For the ids of beliefs that state none. */
  readonly random: Random;
  readonly progress?: ProgressSink | undefined;
  readonly signal?: AbortSignal | undefined;
}

const PROGRESS_LINES = 5000;

/**
 * Imports JSON lines (docs/import-format.md), each input in turn, all in one transaction. Lines are read once and wait in
 * temporary tables until all of them are known to be good, so memory is bounded and streams need no spool. Statistics of
 * the tables are brought up to date; vector indexes are not (schema/vector-index.ts). What is reported is durable.
 *
 * @throws `import/invalid` when any line is bad, with the total and the first hundred `{ file, line, reason }` in its
 *   context; nothing is imported then
 */
export async function importInputs(
  database: Database,
  inputs: readonly ImportInput[],
  options: ImportOptions,
): Promise<ImportCounts> {
  const onConflict = options.onConflict ?? 'error';
  const progress = options.progress ?? silentProgress;
  const counts = await database.transaction({ mode: 'write' }, async (session) => {
    const problems = new ImportProblems(inputs.map((input) => input.name));
    const folded = await stage(session, inputs, problems, options);
    options.signal?.throwIfAborted();
    progress({ stage: 'checking' });
    await checkStaged(session, onConflict, problems);
    problems.refuse();
    options.signal?.throwIfAborted();
    progress({ stage: 'importing' });
    const applied = await applyStaged(session, onConflict, new Date(options.clock.now()).toISOString());
    await session.execute(ANALYZE_SUBSTRATE);
    options.signal?.throwIfAborted();
    return { ...applied, folded };
  });
  await database.sync();
  return counts;
}

const ANALYZE_SUBSTRATE = `ANALYZE valence.beliefs, valence.belief_versions, valence.sources, valence.belief_sources,
  valence.belief_edges, valence.models, valence.belief_embeddings`;

/** Reads every line into the staging tables; gives the number of edges folded. */
async function stage(
  session: Session,
  inputs: readonly ImportInput[],
  problems: ImportProblems,
  options: ImportOptions,
): Promise<number> {
  const staging = await Staging.create(session);
  const models = await storedModels(session);
  const described = new Set(models.keys());
  const context: RecordContext = { clock: options.clock, random: options.random, model: options.model ?? null, models };
  async function take(line: ImportLine, file: number): Promise<void> {
    const place = { file, line: line.number };
    const record = line.text === null ? { rows: [], problems: [line.problem] } : parseRecord(line.text, context);
    if (record.problems.length > 0) problems.add([{ ...place, reason: record.problems.join('; ') }]);
    for (const [table, row] of record.rows) {
      if (table === 'models') described.add(row['name'] as string);
      if (staging.add(table, row, place)) await staging.flush(table);
    }
  }
  for (const [file, input] of inputs.entries()) {
    for await (const line of importLines(readInput(input))) {
      await take(line, file);
      if (line.number % PROGRESS_LINES !== 0) continue;
      options.signal?.throwIfAborted();
      options.progress?.({ stage: `reading ${input.name}`, done: line.number, unit: 'rows' });
    }
  }
  for (const [name, dimensions] of models) {
    // A model that embeddings brought along, without a line of its own.
    if (!described.has(name)) staging.add('models', { id: modelId(name), name, dimensions }, { file: 0, line: 0 });
  }
  await staging.finish();
  return foldContradictions(session);
}

async function storedModels(session: Session): Promise<Map<string, number>> {
  const { rows } = await sql<{ name: string; dimensions: number }>`SELECT name, dimensions FROM valence.models`.execute(
    session.kysely,
  );
  return new Map(rows.map(({ name, dimensions }) => [name, dimensions]));
}
