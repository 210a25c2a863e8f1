import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import { from, to } from 'pg-copy-streams';
import { createTestDatabase, onServer } from '../test/support/postgres.ts';
import { beliefRows, CHANGE_CONFIDENCE } from './dataset.ts';
import { median, print, ratiosOf, round3 } from './figures.ts';
import { withClient } from './rows.ts';
import { valence } from './timed.ts';

/**
 * What the change log costs those who write: the same work in two databases, one as `valence init` makes it, one in which
 * the triggers of the log are off. They alternate.
 */

const SINGLE_UPDATES = 500;
const WARM_UP_ROUNDS = 1;
const COLUMNS = 'id, content, confidence, domains, metadata';

const DISABLE_LOG = `DO $$ DECLARE logging record; BEGIN
  FOR logging IN SELECT g.tgrelid::regclass AS target, g.tgname FROM pg_trigger g JOIN pg_proc p ON p.oid = g.tgfoid
    JOIN pg_class c ON c.oid = g.tgrelid
    WHERE p.pronamespace = 'valence_catalog'::regnamespace AND c.relnamespace = 'valence'::regnamespace
  LOOP EXECUTE format('ALTER TABLE %s DISABLE TRIGGER %I', logging.target, logging.tgname); END LOOP;
END $$`;

export interface LogCostOptions {
  readonly serverUrl: string;
  /** Of a statement that touches many. */
  readonly rows: number;
  readonly rounds: number;
  /** A folder of its own. */
  readonly work: string;
}

interface Workload {
  readonly name: string;
  readonly run: (client: pg.Client) => Promise<unknown>;
}

export async function measureLogCost({ serverUrl, rows, rounds, work }: LogCostOptions): Promise<void> {
  await using logged = await createTestDatabase(serverUrl);
  await using unlogged = await createTestDatabase(serverUrl);
  await fill(logged.url, rows, join(work, 'logged'));
  await fill(unlogged.url, rows, join(work, 'unlogged'));
  await onServer(unlogged.url, DISABLE_LOG);
  for (const workload of workloadsOf(rows, await newRows(logged.url, rows))) {
    const times = new Map([logged.url, unlogged.url].map((url) => [url, [] as number[]]));
    for (let round = 0; round < WARM_UP_ROUNDS + rounds; round += 1) {
      // Neither always goes first.
      for (const [url, seconds] of round % 2 === 0 ? times : [...times].toReversed()) {
        seconds.push(await timed(url, workload, rows));
      }
    }
    const [withLog, without] = [...times.values()].map((seconds) => median(seconds.slice(WARM_UP_ROUNDS)));
    const figures = { medianSeconds: round3(withLog!), withoutLogSeconds: round3(without!) };
    print({ name: 'change log', workload: workload.name, ...figures, ...ratiosOf([['ratio', withLog!, without!]]) });
  }
}

async function fill(url: string, rows: number, home: string): Promise<void> {
  await valence(['init', '--home', home, '--database', url]);
  await onServer(url, `INSERT INTO valence.beliefs (${COLUMNS}) ${beliefRows(1, rows)}`);
}

/** As many beliefs again, as lines of COPY. */
async function newRows(url: string, rows: number): Promise<Buffer> {
  return withClient(url, (client) => buffer(client.query(to(`COPY (${beliefRows(rows + 1, 2 * rows)}) TO STDOUT`))));
}

function workloadsOf(rows: number, lines: Buffer): readonly Workload[] {
  return [
    { name: `${SINGLE_UPDATES} updates of one row, each committed`, run: updateSingly },
    {
      name: `${SINGLE_UPDATES} updates of one row, synchronous_commit off`,
      run: async (client) => {
        await client.query('SET synchronous_commit = off');
        await updateSingly(client);
      },
    },
    {
      name: `one update of ${rows} rows`,
      run: (client) => client.query('UPDATE valence.beliefs SET confidence = 1 - confidence'),
    },
    {
      name: `COPY of ${rows} beliefs`,
      run: (client) =>
        pipeline(Readable.from([lines]), client.query(from(`COPY valence.beliefs (${COLUMNS}) FROM STDIN`))),
    },
  ];
}

async function updateSingly(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ id: string }>(
    `SELECT id FROM valence.beliefs ORDER BY id LIMIT ${SINGLE_UPDATES}`,
  );
  for (const { id } of rows) await client.query(CHANGE_CONFIDENCE, [id]);
}

/** Every run finds a table that was cleaned up and holds `rows` beliefs. */
async function timed(url: string, { run }: Workload, rows: number): Promise<number> {
  await onServer(url, `DELETE FROM valence.beliefs WHERE (metadata->>'n')::int > ${rows}`);
  await onServer(url, 'VACUUM ANALYZE');
  await onServer(url, 'CHECKPOINT');
  return withClient(url, async (client) => {
    const started = performance.now();
    await run(client);
    return (performance.now() - started) / 1000;
  });
}
