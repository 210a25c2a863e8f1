import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openValence } from '../../src/index.ts';
import { openDatabase } from '../../src/schema/open-database.ts';
import type { Database } from '../../src/schema/database.ts';
import { jsonLines, runCli } from '../cli/run-cli.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';
import {
  beliefNumber,
  buildVault,
  contentsOf,
  copyVault,
  filesIn,
  onHome,
  onHost,
  PASSPHRASE,
  restoreFrom,
} from '../support/vault-folders.ts';
import type { VaultFolders } from '../support/vault-folders.ts';

/** Restores that cannot begin, are broken off, or find that they have been there before; and the home's other faults. */

let folder: TemporaryFolder;
let vault: VaultFolders;

beforeAll(async () => {
  folder = await temporaryFolder();
  vault = await buildVault(join(folder.path, 'vault'));
}, 120_000);

afterAll(() => folder[Symbol.asyncDispose]());

async function withDatabase(home: string, work: (database: Database) => Promise<void>): Promise<void> {
  await using database = await openDatabase({ folder: join(home, 'database') });
  await work(database);
}

describe('the target', () => {
  it('that holds anything is refused and stays as it is', async () => {
    const to = join(folder.path, 'occupied');
    await mkdir(to);
    await writeFile(join(to, 'letter.txt'), 'dear');
    const refused = await restoreFrom({ from: vault.places, to, masterKey: vault.masterKey });
    expect({ exit: refused.exit, stdout: refused.stdout, files: await filesIn(to) }).toEqual({
      exit: 52,
      stdout: '',
      files: ['letter.txt'],
    });
    const file = join(to, 'letter.txt');
    expect((await restoreFrom({ from: vault.places, to: file, masterKey: vault.masterKey })).exit).toBe(52);
    expect(await readFile(file, 'utf8')).toBe('dear');
    const home = join(folder.path, 'home-of-a-server');
    await mkdir(home);
    await writeFile(
      join(home, 'valence.yaml'),
      'version: 1\ndatabase:\n  url: postgres://127.0.0.1:1/none\nbackends: {}\ntiers: {}\n',
    );
    expect((await restoreFrom({ from: vault.places, to: home, masterKey: vault.masterKey })).exit).toBe(52);
    expect(await filesIn(home)).toEqual(['valence.yaml']);
  });

  it('that holds other knowledge is refused and keeps it', async () => {
    const more = ['--snapshot', vault.snapshots[0]!.id];
    const refused = await restoreFrom({ from: vault.places, to: vault.home, masterKey: vault.masterKey, more });
    expect({ exit: refused.exit, stdout: refused.stdout }).toEqual({ exit: 52, stdout: '' });
    expect(jsonLines((await onHost(vault, 'digest')).stdout)[0]).toMatchObject({ digest: vault.digests[2] });
  });

  it('is not touched by a dry run, which tells what would be read', async () => {
    const to = join(folder.path, 'dry');
    const before = await readdir(folder.path);
    const { exit, stdout, stderr } = await restoreFrom({
      from: vault.places.slice(1, 4),
      to,
      masterKey: vault.masterKey,
      more: ['--dry-run'],
    });
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    const [plan, ...rest] = jsonLines(stdout);
    expect(rest).toEqual([]);
    const { scan, ...snapshot } = vault.snapshots[2]!;
    expect(scan).toBe('changes');
    expect(plan).toMatchObject({ type: 'plan', restorable: true, to, stripes: 2, snapshot });
    expect(plan!['bytesToRead']).toBeGreaterThan(300_000);
    expect(plan!['findings']).toEqual([
      {
        kind: 'holder-absent',
        severity: 'info',
        location: 'd1, d5',
        object: null,
        detail: '2 of 5 holders were not named or not reached, and are not needed',
      },
    ]);
    expect(await readdir(folder.path)).toEqual(before);
    const lost = await restoreFrom({
      from: vault.places.slice(1, 3),
      to,
      masterKey: vault.masterKey,
      more: ['--dry-run'],
    });
    expect(lost.exit).toBe(41);
    expect(jsonLines(lost.stdout)[0]).toMatchObject({ type: 'plan', restorable: false });
    expect(await readdir(folder.path)).toEqual(before);
  });

  it('is absent after a restore that was broken off', async () => {
    const to = join(folder.path, 'broken-off');
    const before = await readdir(folder.path);
    for (const stage of ['restoring belief_edges', 'comparing with the snapshot']) {
      const controller = new AbortController();
      await using valence = openValence({
        home: join(folder.path, 'no-home'),
        env: { VALENCE_PASSPHRASE: PASSPHRASE },
        signal: controller.signal,
        progress: (event) => {
          if (event.stage === stage) controller.abort(new Error('enough'));
        },
      });
      const options = { from: vault.places, to, snapshot: 'latest', keyFile: vault.masterKey, dryRun: false };
      const events: string[] = [];
      await expect(
        (async () => {
          for await (const event of valence.backup.restore(options)) events.push(event.type);
        })(),
      ).rejects.toThrow('enough');
      expect(controller.signal.aborted, stage).toBe(true);
      expect(events).toEqual(['plan']);
      expect(await readdir(folder.path)).toEqual(before);
    }
  });

  it('that was restored before is resumed at the vector indexes', async () => {
    const to = join(folder.path, 'resumed');
    const call = { from: vault.places, to, masterKey: vault.masterKey };
    expect((await restoreFrom(call)).exit).toBe(0);
    const indexes = async (): Promise<number> => {
      let count = 0;
      await withDatabase(to, async (database) => {
        await database.transaction({}, async (session) => {
          const pieces: Uint8Array[] = [];
          for await (const piece of session.copyOut("SELECT 1 FROM pg_indexes WHERE indexdef LIKE '%hnsw%'"))
            pieces.push(piece);
          // A binary COPY: 19 bytes of header, ten a row of one integer, two at the end.
          count = (Buffer.concat(pieces).length - 21) / 10;
        });
      });
      return count;
    };
    expect(await indexes()).toBe(1);
    await withDatabase(to, async (database) => {
      await database.transaction({}, (session) =>
        session.execute(`DO $$ DECLARE name text; BEGIN
          SELECT format('%I.%I', schemaname, indexname) INTO STRICT name FROM pg_indexes WHERE indexdef LIKE '%hnsw%';
          EXECUTE 'DROP INDEX ' || name; END $$`),
      );
    });
    expect(await indexes()).toBe(0);
    const again = await restoreFrom(call);
    expect({ exit: again.exit, stderr: again.stderr }).toEqual({ exit: 0, stderr: '' });
    const events = jsonLines(again.stdout);
    expect(events.map(({ type, state }) => [type, state].join(' ').trim())).toEqual([
      'plan',
      'queryable',
      'index building',
      'index built',
      'restored',
    ]);
    expect(events[0]).toMatchObject({ resumed: true });
    expect(await indexes()).toBe(1);
    expect(jsonLines((await onHost({ home: to }, 'digest')).stdout)[0]).toMatchObject({ digest: vault.digests[2] });
    expect((await onHost({ home: to }, 'doctor')).stdout).not.toContain('no vector index');
  });
});

describe('orphan edges', () => {
  it('are left out, listed in a file, and said with exit 3; all else is there', async () => {
    const copy = await copyVault(vault, join(folder.path, 'orphans'));
    await withDatabase(copy.home, async (database) => {
      await database.transaction({}, async (session) => {
        await session.execute('ALTER TABLE valence.belief_edges DROP CONSTRAINT belief_edges_target_id_fkey');
        await session.execute('ALTER TABLE valence.belief_edges DROP CONSTRAINT belief_edges_source_id_fkey');
        await session.execute('ALTER TABLE valence.beliefs DISABLE TRIGGER USER');
        await session.execute(`DELETE FROM valence.beliefs WHERE id = '${beliefNumber(9)}'`);
        await session.execute('ALTER TABLE valence.beliefs ENABLE TRIGGER USER');
      });
      await database.sync();
    });
    const run = await onHost(copy, 'backup', 'run');
    expect(run.exit, run.stderr).toBe(0);
    const to = join(copy.root, 'restored');
    const restored = await restoreFrom({ from: copy.places, to, masterKey: copy.masterKey });
    expect({ exit: restored.exit, stderr: restored.stderr }).toEqual({ exit: 3, stderr: '' });
    const result = jsonLines(restored.stdout).at(-1) as { orphanEdges: number; orphansFile: string };
    expect(result).toMatchObject({
      type: 'restored',
      orphanEdges: expect.any(Number),
      orphansFile: expect.stringContaining(to),
    });
    const orphans = jsonLines(await readFile(result.orphansFile, 'utf8'));
    expect(orphans).toHaveLength(result.orphanEdges);
    expect(orphans.length).toBeGreaterThan(0);
    for (const edge of orphans) expect([edge['source'], edge['target']]).toContain(beliefNumber(9));
    const exported = jsonLines((await runCli(['export', '--home', to])).stdout);
    const before = jsonLines((await runCli(['export', '--home', copy.home])).stdout);
    const touches = (line: Record<string, unknown>): boolean =>
      [line['source'], line['target']].includes(beliefNumber(9));
    expect(exported).toEqual(before.filter((line) => !touches(line)));
  });
});

describe('the home', () => {
  it('in use by another is refused with 35', async () => {
    await using valence = openValence({ home: vault.home, env: {} });
    await valence.digest();
    for (const argv of [['backup', 'run'], ['backup', 'verify'], ['keys', 'init'], ['digest']]) {
      const refused = await onHome(vault, ...argv);
      expect({ exit: refused.exit, stdout: refused.stdout }, argv.join(' ')).toEqual({ exit: 35, stdout: '' });
      expect(jsonLines(refused.stderr)[0]).toMatchObject({ code: 'home/locked' });
    }
    expect((await onHost(vault, 'backup', 'list')).exit, 'reads no database').toBe(0);
  });

  it('with a database that cannot be reached: 50, and nothing is stored', async () => {
    const before = await Promise.all(vault.places.map(contentsOf));
    const refused = await onHost(vault, 'backup', 'run', '--database', 'postgres://127.0.0.1:1/none');
    expect({ exit: refused.exit, stdout: refused.stdout }).toEqual({ exit: 50, stdout: '' });
    expect(await Promise.all(vault.places.map(contentsOf))).toEqual(before);
    const restored = await restoreFrom({
      from: vault.places,
      to: 'postgres://127.0.0.1:1/none',
      masterKey: vault.masterKey,
    });
    expect({ exit: restored.exit, stdout: restored.stdout }).toEqual({ exit: 50, stdout: '' });
  });

  it('with a newer schema: 57, and nothing is stored', async () => {
    const copy = await copyVault(vault, join(folder.path, 'newer'));
    await withDatabase(copy.home, async (database) => {
      await database.transaction({}, (session) =>
        session.execute(
          "INSERT INTO valence_catalog.migrations (number, name, digest) VALUES (9999, '9999_later.sql', decode(repeat('00', 32), 'hex'))",
        ),
      );
      await database.sync();
    });
    const before = await Promise.all(copy.places.map(contentsOf));
    const refused = await onHost(copy, 'backup', 'run');
    expect({ exit: refused.exit, stdout: refused.stdout }, refused.stderr).toEqual({ exit: 57, stdout: '' });
    expect(await Promise.all(copy.places.map(contentsOf))).toEqual(before);
    const doctor = await onHost(copy, 'doctor');
    expect(doctor.exit).toBe(3);
    await rm(copy.root, { recursive: true });
  });

  it('is examined: what is not ours, what is away, and what to do', async () => {
    const copy = await copyVault(vault, join(folder.path, 'examined'));
    await withDatabase(copy.home, async (database) => {
      await database.transaction({}, (session) => session.execute('CREATE TABLE public.recipes (name text)'));
      await database.sync();
    });
    await rm(copy.places[2]!, { recursive: true });
    const before = await filesIn(copy.root);
    const { exit, stdout } = await onHost(copy, 'doctor');
    expect(exit).toBe(3);
    const findings = jsonLines(stdout) as { level: string; what: string; todo: string | null }[];
    const about = (text: string): unknown => findings.find(({ what }) => what.includes(text));
    expect(about('public.recipes')).toMatchObject({ level: 'warning', todo: expect.any(String) });
    expect(about(copy.places[2]!)).toMatchObject({ level: 'error', todo: expect.any(String) });
    expect(about('master.key')).toMatchObject({ level: 'warning', todo: expect.stringContaining('away') });
    expect(about('to survive the loss of any 2 of 5')).toMatchObject({ level: 'info' });
    expect((await filesIn(copy.root)).filter((name) => !name.startsWith('home/database/'))).toEqual(
      before.filter((name) => !name.startsWith('home/database/')),
    );
    await rm(copy.root, { recursive: true });
  });

  it('without a key, or with a damaged one, is told by its own code', async () => {
    const none = join(folder.path, 'keyless');
    expect((await onHost({ home: none }, 'backup', 'run')).exit).toBe(20);
    const broken = join(vault.home, 'host.key');
    const bytes = await readFile(broken);
    await writeFile(broken, bytes.subarray(0, bytes.length - 40));
    const refused = await onHost(vault, 'backup', 'run');
    await writeFile(broken, bytes);
    expect({ exit: refused.exit, stdout: refused.stdout }).toEqual({ exit: 45, stdout: '' });
  });
});
