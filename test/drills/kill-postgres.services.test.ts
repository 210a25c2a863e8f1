import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isValenceError } from '../../src/core/errors.ts';
import { openMasterKey, parseMasterKey } from '../../src/format/keys/master-key.ts';
import { ownerIdentity } from '../../src/format/keys/owner.ts';
import type { OwnerIdentity } from '../../src/format/keys/owner.ts';
import { openValence } from '../../src/index.ts';
import type { SnapshotRecord, Valence } from '../../src/index.ts';
import { openDatabase } from '../../src/schema/open-database.ts';
import { copyFolder } from '../support/copy-folder.ts';
import { readAll } from '../support/disk-vault.ts';
import { rejection } from '../support/expect-code.ts';
import { startKillablePostgres } from '../support/killable-postgres.ts';
import type { KillablePostgres } from '../support/killable-postgres.ts';
import { onServer, withDatabase } from '../support/postgres.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';
import { importLines, longText, PASSPHRASE, PLACES } from '../support/vault-folders.ts';

/** The server killed under a backup and under a restore, with SIGKILL, and started again: each run goes on where the last one was. */

const DATABASE = 'knowledge';

let folder: TemporaryFolder;
let server: KillablePostgres;
let home: string;
let owner: OwnerIdentity;
let edits = 0;
/** Ids of all snapshots that runs gave back. */
const committed: string[] = [];

beforeAll(async () => {
  folder = await temporaryFolder();
  server = await startKillablePostgres();
  await onServer(server.url, `CREATE DATABASE ${DATABASE} TEMPLATE template0 ENCODING 'UTF8'`);
  home = join(folder.path, 'home');
  await using valence = open();
  await valence.init();
  await edit(valence, 200);
  await valence.keys.init();
  for (const name of PLACES) {
    const path = join(folder.path, name);
    await valence.backup.config({ kind: 'add-backend', name, type: 'directory', settings: { path } });
  }
  const profile = { kind: 'erasure', k: 3, n: 5 } as const;
  await valence.backup.config({ kind: 'set-tier', name: 'main', backends: PLACES, profile });
  owner = ownerIdentity(await openMasterKey(parseMasterKey(await readFile(join(home, 'master.key'))), PASSPHRASE));
  await run(valence);
}, 120_000);

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

interface Reaching {
  /** The first that begins so. */
  readonly stage: string;
  readonly act: () => void;
}

/** `at`: what to do once, and when. */
function open(at?: Reaching, from = home): Valence {
  let told = false;
  const progress = ({ stage }: { readonly stage: string }): void => {
    if (told || at === undefined || !stage.startsWith(at.stage)) return;
    told = true;
    at.act();
  };
  const env = { VALENCE_PASSPHRASE: PASSPHRASE };
  return openValence({ home: from, database: withDatabase(server.url, DATABASE), env, progress });
}

/** Beliefs with edges and embeddings among them. */
async function edit(valence: Valence, count: number): Promise<void> {
  edits += 1;
  const id = (number: number): string => `00000000-0000-7000-${8000 + edits}-${String(number).padStart(12, '0')}`;
  const beliefs = Array.from({ length: count }, (_, i) => ({
    ...{ id: id(i), content: longText(`${edits} ${i}`, 1000) },
    embeddings: { small: [edits, i, 1, 2] },
  }));
  const edges = Array.from({ length: count - 1 }, (_, i) => ({ source: id(i), target: id(i + 1), type: 'supports' }));
  await importLines(valence, [...beliefs, ...edges]);
}

async function run(valence: Valence, fullScan = false): Promise<SnapshotRecord> {
  const [record] = await Array.fromAsync(valence.backup.run({ fullScan }));
  committed.push(record!.id);
  return record!;
}

/** A run that must fail because of the database. */
async function expectLost(work: Promise<unknown>): Promise<void> {
  const error: unknown = await work.then(
    () => new Error('the database was killed, and nobody noticed'),
    (reason: unknown) => reason,
  );
  if (!isValenceError(error)) throw error;
  expect(error.code).toMatch(/^database\//);
}

/** All that was committed is there and restores; `more`: snapshots that nobody acknowledged. */
async function expectAll(more: number): Promise<void> {
  const all = await readAll({ root: folder.path, places: PLACES, owner });
  const ids = all.map(({ digest }) => digest);
  expect(committed.filter((id) => !ids.includes(id))).toEqual([]);
  expect(ids).toHaveLength(committed.length + more);
}

/** Runs `work` while a lock on a table is held; what it is given resolves when somebody waits for that. */
async function whileLocked<T>(
  table: string,
  mode: 'SHARE' | 'ACCESS EXCLUSIVE',
  work: (isWaitedFor: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString: withDatabase(server.url, DATABASE) });
  client.on('error', () => {});
  await client.connect();
  const isWaitedFor = async (): Promise<void> => {
    const waiting = `SELECT 1 FROM pg_locks WHERE NOT granted AND relation = '${table}'::regclass`;
    while ((await client.query(waiting)).rowCount === 0);
  };
  await client.query(`BEGIN; LOCK TABLE ${table} IN ${mode} MODE`);
  try {
    return await work(isWaitedFor);
  } finally {
    await client.end().catch(() => {});
  }
}

describe('a statement whose server is killed', () => {
  it('rejects, and nothing else happens to the process', async () => {
    const database = await openDatabase({ url: withDatabase(server.url, DATABASE) });
    await whileLocked('valence.beliefs', 'ACCESS EXCLUSIVE', async (isWaitedFor) => {
      const statement = expectLost(database.execute('SELECT count(*) FROM valence.beliefs'));
      await isWaitedFor();
      server.kill();
      await statement;
    });
    await database[Symbol.asyncDispose]();
    await server.start();
  });
});

describe('a backup whose server is killed', () => {
  it.each(['reading changes of beliefs', 'reading changes of belief_embeddings'])('at %s', async (stage) => {
    {
      await using valence = open({ stage, act: () => server.kill() });
      await edit(valence, 60);
      await expectLost(run(valence));
    }
    await server.start();
    await expectAll(0);
    await using valence = open();
    expect(await run(valence)).toMatchObject({ sequence: committed.length, scan: 'changes', survives: 2 });
    await expectAll(0);
  });

  it('process by process: only the one that serves the backup, while it reads', async () => {
    {
      const kill = (): void => server.killBackend(new RegExp(`${DATABASE}.*(idle in transaction|COPY|SELECT)`));
      await using valence = open({ stage: 'reading changes of beliefs', act: kill });
      await edit(valence, 60);
      await expectLost(run(valence));
    }
    await server.recovered();
    await using valence = open();
    expect(await run(valence)).toMatchObject({ sequence: committed.length, scan: 'changes' });
    await expectAll(0);
  });

  it('inside the commit of the catalog: the snapshot is there, and the next run follows it', async () => {
    {
      await using valence = open();
      await edit(valence, 60);
      await whileLocked('valence_catalog.segments', 'SHARE', async (isWaitedFor) => {
        const running = expectLost(run(valence));
        await isWaitedFor();
        server.kill();
        await running;
      });
    }
    await server.start();
    await expectAll(1);
    await using valence = open();
    const next = await run(valence);
    expect(next).toMatchObject({ sequence: committed.length + 1, scan: 'changes', survives: 2 });
    await expectAll(1);
    await edit(valence, 20);
    expect(await run(valence, true)).toMatchObject({ sequence: committed.length + 1, degraded: false });
    const [report] = await Array.fromAsync(valence.backup.verify({ data: true }));
    expect(report).toMatchObject({ status: 'ok', restorable: true });
  });
});

describe('a second run on the same database', () => {
  it('from a copied home is refused, and the first is not disturbed', async () => {
    const copied = join(folder.path, 'copied-home');
    copyFolder(home, copied);
    await using first = open();
    await using second = open(undefined, copied);
    await edit(first, 20);
    const running = await whileLocked('valence.beliefs', 'ACCESS EXCLUSIVE', async (isWaitedFor) => {
      const run1 = run(first);
      await isWaitedFor();
      await rejection(Array.fromAsync(second.backup.run({})), 'backend/second-writer');
      return { run1 };
    });
    expect(await running.run1).toMatchObject({ scan: 'changes', degraded: false });
  });
});

describe('a restore whose server is killed', () => {
  const stages = ['restoring belief_edges', 'building constraints', 'comparing with the snapshot'];

  async function restore(valence: Valence, to: string): Promise<Record<string, unknown>[]> {
    const options = { from: [], to, snapshot: 'latest', dryRun: false };
    return (await Array.fromAsync(valence.backup.restore(options))) as unknown as Record<string, unknown>[];
  }

  it('leaves a target that takes the next restore, whatever it was doing', async () => {
    const to = withDatabase(server.url, 'restored');
    await onServer(server.url, `CREATE DATABASE restored TEMPLATE template0 ENCODING 'UTF8'`);
    for (const stage of stages) {
      await using valence = open({ stage, act: () => server.kill() });
      await expectLost(restore(valence, to));
      await server.start();
    }
    {
      await using valence = open();
      const options = { from: [], to, snapshot: 'latest', dryRun: false };
      const building = async (): Promise<void> => {
        for await (const { type } of valence.backup.restore(options)) if (type === 'index') server.kill();
      };
      await expectLost(building());
      await server.start();
    }
    await using valence = open();
    const events = await restore(valence, to);
    expect(events[0]).toMatchObject({ type: 'plan', resumed: true });
    expect(events.at(-1)).toMatchObject({ type: 'restored', orphanEdges: 0, snapshot: committed.at(-1) });
    await using restored = openValence({ home, database: to, env: {} });
    expect((await restored.digest()).digest).toBe((await valence.digest()).digest);
  });
});
