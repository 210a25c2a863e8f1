import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, afterAll, describe, expect, it, vi } from 'vitest';
import type { BackendUsage, RunPlan, SnapshotRecord } from '../../src/index.ts';
import { openValence } from '../../src/index.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import {
  beliefNumber,
  contentsOf,
  filesIn,
  importLines,
  longText,
  onHome,
  PASSPHRASE,
} from '../support/vault-folders.ts';
import { jsonLines, runCli } from './run-cli.ts';
import type { CliResult } from './run-cli.ts';

/** Backends from the command line to the disk, on a home of its own. */

const SECRET = 'K005-correct-horse-battery';
const NAMES = ['a', 'b', 'c', 'd', 'e'] as const;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let home: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  home = join(folder.path, 'home');
  await using valence = openValence({ home, env: { VALENCE_PASSPHRASE: PASSPHRASE } });
  await valence.init();
  await valence.keys.init();
  const lines = Array.from({ length: 40 }, (_, i) => ({
    id: beliefNumber(i + 1),
    content: longText(`seed ${i}`, 20_000),
  }));
  await importLines(valence, lines);
});

afterAll(async () => {
  await folder[Symbol.asyncDispose]();
});

function place(name: string): string {
  return join(folder.path, 'places', name);
}

function config(...argv: string[]): Promise<CliResult> {
  return onHome({ home }, 'backup', 'config', ...argv);
}

function yaml(): Promise<string> {
  return readFile(join(home, 'valence.yaml'), 'utf8');
}

/** Everything that a run could have written to, but the database's own files. */
async function everything(): Promise<Record<string, string>> {
  const all = {
    ...prefixed('home', await contentsOf(home)),
    ...prefixed('places', await contentsOf(join(folder.path, 'places'))),
  };
  return Object.fromEntries(
    Object.entries(all).filter(([name]) => !name.startsWith('home/database/') && name !== 'home/lock'),
  );
}

function prefixed(prefix: string, files: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(files).map(([name, digest]) => [`${prefix}/${name}`, digest]));
}

async function bytesBelow(path: string): Promise<number> {
  const files = await filesIn(path);
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(path, file))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

describe('configured from the command line', () => {
  it('adds folders, and refuses a layout that cannot keep its promise with what would mend it', async () => {
    for (const name of NAMES) {
      const owner = name < 'd' ? ['--domain', `device=${name},owner=anna`] : [];
      expect((await config('--add-backend', name, '--type', 'nas', '--path', place(name), ...owner)).exit).toBe(0);
    }
    const tier = ['--tier', 'daily', '--backends', NAMES.join(','), '--erasure', '3/5'];
    const before = await yaml();
    const refused = await config(...tier);
    expect(refused).toMatchObject({ exit: 20, stdout: '' });
    expect(jsonLines(refused.stderr)[0]).toMatchObject({
      code: 'config/invalid',
      message: expect.stringMatching(
        /tiers\.daily\.erasure cannot be kept: 3 of the 5 shards of a stripe would lie with owner:anna and only 2 may be lost \(3\/5\)/,
      ),
      hint: 'move one of a, b, or c to another owner, add a backend elsewhere, use 2/5, or accept it with survives: 0',
    });
    expect(await yaml()).toBe(before);
    expect((await config(...tier, '--survives', '0')).exit).toBe(0);
    expect((await config('--set-backend', 'c', '--domain', 'c')).exit).toBe(0);
    const [view] = jsonLines((await config('--tier', 'daily', '--survives', '1')).stdout);
    expect(view).toMatchObject({
      backends: NAMES.map((name) => ({ name, type: 'directory', location: place(name) })),
      tiers: [{ name: 'daily', survives: 1, required: 1, lock: null }],
    });
  });

  it('refuses what does not fit the kind, by name', async () => {
    for (const [argv, message] of [
      [
        ['--add-backend', 'x', '--type', 'directory', '--path', '/x', '--bucket', 'b-1'],
        '--bucket does not fit backend x, which is of type directory',
      ],
      [['--set-backend', 'a', '--key-id', 'ID'], '--key-id does not fit backend a, which is of type directory'],
      [['--add-backend', 'tape', '--path', '/x'], 'the name tape is no type, so --type is needed'],
      [['--add-backend', 'x', '--type', 'driectory', '--path', '/x'], 'there is no backend type driectory'],
    ] as const) {
      const { exit, stderr } = await config(...argv);
      expect({ exit, message: jsonLines(stderr)[0]?.['message'] }).toEqual({ exit: 2, message });
    }
    const missing = await config(
      '--add-backend',
      'b2',
      '--bucket',
      'bucket-1',
      '--key-id',
      'ID',
      '--key',
      'env:B2_KEY',
    );
    expect(jsonLines(missing.stderr)[0]).toMatchObject({
      exit: 20,
      message: 'backend b2: region is missing, which Backblaze B2 needs',
    });
  });

  it('keeps a secret of standard input in a file of its owner, and never in valence.yaml', async () => {
    const argv = [
      'backup',
      'config',
      '--add-backend',
      'b2',
      '--bucket',
      'bucket-1',
      '--region',
      'eu-central-003',
      '--key-id',
      'ID',
    ];
    const { exit, stdout, stderr } = await runCli([...argv, '--key', '-', '--home', home, '--json'], {
      stdin: `${SECRET}\n`,
    });
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    const path = join(home, 'secrets', 'b2-key');
    expect(await readFile(path, 'utf8')).toBe(`${SECRET}\n`);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await yaml()).toContain(`key: file:${path}\n`);
    expect((await yaml()) + stdout).not.toContain(SECRET);
    const none = await runCli(
      [...argv.slice(0, 3), 'b3', ...argv.slice(4), '--type', 'b2', '--key', '-', '--home', home],
      { stdin: '' },
    );
    expect(none.exit).toBe(2);
    expect(none.stderr).toContain('there is no secret for --key on standard input');
    expect((await config('--remove-backend', 'b2')).exit).toBe(0);
    expect(await readdir(join(home, 'secrets'))).toEqual([]);
  });

  it('lists backends with the tiers that use them', async () => {
    const { stdout } = await onHome({ home }, 'backend', 'list');
    const lines = jsonLines(stdout);
    expect(lines.map(({ name }) => name)).toEqual([...NAMES]);
    expect(lines[0]).toMatchObject({
      type: 'backend',
      backend: 'directory',
      domains: ['device:a', 'owner:anna'],
      tiers: ['daily'],
    });
    const people = await runCli(['backend', 'list', '--home', home]);
    expect(people.stdout).toMatch(
      /^BACKEND +TYPE +TIERS +DOMAINS +LOCATION\na +directory +daily +device:a owner:anna +\//,
    );
  });
});

describe('a backend tried', () => {
  it('passes, and is as empty as before', async () => {
    const { exit, stdout, stderr } = await onHome({ home }, 'backend', 'check', 'a');
    const results = jsonLines(stdout);
    expect(results.filter(({ status }) => status === 'failed')).toEqual([]);
    expect(exit, stderr).toBe(results.some(({ status }) => status === 'warned') ? 3 : 0);
    expect(results[0]).toMatchObject({ type: 'backend-check', backend: 'a', check: 'connection', status: 'passed' });
    expect(results.at(-1)).toMatchObject({ check: 'clean up', status: 'passed' });
    expect(await filesIn(place('a'))).toEqual([]);
  });

  it('is no folder that happens to have a mistyped name, and none that is not there', async () => {
    const mistyped = await onHome({ home }, 'backend', 'check', 'aa');
    expect(mistyped.exit).toBe(2);
    expect(jsonLines(mistyped.stderr)[0]).toMatchObject({
      message: 'there is no backend aa',
      hint: 'the backends are a, b, c, d, e; a folder is written ./aa',
    });
    const absent = join(folder.path, 'absent');
    expect((await onHome({ home }, 'backend', 'check', absent)).exit).toBe(30);
    expect(existsSync(absent)).toBe(false);
  });

  it('fails with 30 and says what failed, also where it is named by location', async () => {
    await writeFile(join(folder.path, 'file'), '');
    const refused = await onHome({ home }, 'backend', 'check', join(folder.path, 'file'));
    expect(refused.exit).toBe(30);
    expect(jsonLines(refused.stderr)[0]?.['message']).toContain('is not a folder');
    expect((await config('--set-backend', 'e', '--read-only')).exit).toBe(0);
    const readOnly = await onHome({ home }, 'backend', 'check', 'e');
    expect(readOnly.exit).toBe(30);
    expect(jsonLines(readOnly.stderr)[0]).toMatchObject({
      context: { backend: 'e', failed: expect.arrayContaining(['write']) },
    });
    expect((await config('--set-backend', 'e', '--unset', 'read-only')).exit).toBe(0);
  });
});

describe('a dry run', () => {
  async function plan(): Promise<RunPlan> {
    const { exit, stdout, stderr } = await onHome({ home }, 'backup', 'run', '--dry-run');
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    const [only, ...more] = jsonLines(stdout);
    expect(more).toEqual([]);
    return only as unknown as RunPlan;
  }

  it('writes nothing anywhere, and says what the run then stores', async () => {
    await config('--set-backend', 'a', '--prices', 'per-1000-puts=1000,per-gib-month=1024,currency=EUR');
    await config('--set-backend', 'b', '--limits', 'upload=100kB/s');
    const before = await everything();
    const planned = await plan();
    expect(await everything()).toEqual(before);
    expect(planned).toMatchObject({ type: 'run-plan', tier: 'daily', scan: 'everything' });

    const { exit, stdout } = await onHome({ home }, 'backup', 'run');
    expect(exit).toBe(0);
    const [snapshot] = jsonLines(stdout) as unknown as [SnapshotRecord];
    expect(planned.newBytes).toBeGreaterThan(300_000);
    expect(Math.abs(planned.newBytes - snapshot.newBytes)).toBeLessThan(0.02 * snapshot.newBytes);
    for (const { name, objects, bytes } of planned.backends) {
      expect(objects).toBe((await filesIn(place(name))).length);
      const stored = await bytesBelow(place(name));
      expect(Math.abs(bytes - stored)).toBeLessThan(0.2 * stored);
    }
    const [a, b, c] = planned.backends;
    expect(a?.cost).toEqual({ currency: 'EUR', now: a!.objects, perMonth: expect.closeTo(a!.bytes / 2 ** 20) });
    expect(b).toMatchObject({ timeFrom: 'limits', seconds: expect.closeTo(b!.bytes / 100_000) });
    expect(c).toMatchObject({ cost: { now: 0, perMonth: 0 }, seconds: null, timeFrom: null });
  });

  it('after a run counts only what changed, and lets the next run be what it would have been', async () => {
    await using valence = openValence({ home, env: { VALENCE_PASSPHRASE: PASSPHRASE } });
    await valence.belief.set(beliefNumber(3), { content: longText('another', 30_000) });
    await valence[Symbol.asyncDispose]();
    const before = await everything();
    const planned = await plan();
    expect(await everything()).toEqual(before);
    expect(planned.scan).toBe('changes');
    expect(planned.newBytes).toBeLessThan(200_000);
    const [snapshot] = jsonLines((await onHome({ home }, 'backup', 'run')).stdout) as unknown as [SnapshotRecord];
    expect(snapshot).toMatchObject({ sequence: 2, scan: 'changes' });
    expect(Math.abs(planned.newBytes - snapshot.newBytes)).toBeLessThan(0.02 * snapshot.newBytes);
  });

  it('is a table for people, with the places that are away', async () => {
    await config('--set-backend', 'd', '--path', join(folder.path, 'unmounted'));
    const { exit, stdout } = await runCli(['backup', 'run', '--dry-run', '--home', home]);
    expect(exit).toBe(0);
    expect(stdout).toMatch(
      /^daily {2}would add .* before coding; only changes read, nothing written \(--dry-run\)\n {2}BACKEND +OBJECTS +BYTES +COST +PER MONTH +TIME\n {2}a /,
    );
    expect(stdout).toMatch(/unmounted took no part/);
    expect(await readdir(folder.path)).not.toContain('unmounted');
    await config('--set-backend', 'd', '--path', place('d'));
  });
});

describe('a mount that is not there', () => {
  it('is not filled when the backend is added', async () => {
    const mount = join(folder.path, 'mount');
    await mkdir(mount);
    const { exit, stderr } = await config(
      '--add-backend',
      'share',
      '--type',
      'nas',
      '--path',
      join(mount, 'valence'),
      '--mount',
      mount,
    );
    expect(exit, stderr).toBe(30);
    expect(await readdir(mount)).toEqual([]);
    expect(await yaml()).not.toContain('share');
  });
});

describe('a run', () => {
  let changes = 0;
  async function change(): Promise<void> {
    changes += 1;
    await using valence = openValence({ home, env: { VALENCE_PASSPHRASE: PASSPHRASE } });
    await valence.belief.set(beliefNumber(7), { content: longText(`change ${changes}`, 300_000) });
  }

  it('leaves out a backend whose secret cannot be had, and says so', async () => {
    const bucket = ['--endpoint', 'http://127.0.0.1:1', '--region', 'eu', '--bucket', 'ada', '--key-id', 'K'];
    expect((await config('--add-backend', 'cloud', '--type', 's3', ...bucket, '--key', 'env:NOT_SET_HERE')).exit).toBe(
      0,
    );
    expect((await config('--tier', 'copies', '--backends', 'a,cloud', '--copies', '2')).exit).toBe(0);
    const { exit, stdout, stderr } = await onHome({ home }, 'backup', 'run', '--tier', 'copies');
    expect(exit, stderr).toBe(3);
    const [snapshot] = jsonLines(stdout) as unknown as [SnapshotRecord];
    expect(snapshot).toMatchObject({ survives: 0, degraded: true });
    expect(snapshot.notes.join('\n')).toContain(
      'took no part: key of backend cloud: the variable NOT_SET_HERE is not set',
    );
    const alone = await onHome({ home }, 'backup', 'list', '--from', 'cloud');
    expect(alone.exit).toBe(20);
    expect(jsonLines(alone.stderr)[0]).toMatchObject({
      message: 'key of backend cloud: the variable NOT_SET_HERE is not set',
    });
  });

  it('says with --usage what each backend was asked for', async () => {
    await change();
    const { stdout } = await onHome({ home }, 'backup', 'run', '--tier', 'daily', '--usage');
    const [snapshot, ...usage] = jsonLines(stdout);
    expect(snapshot).toMatchObject({ type: 'snapshot' });
    expect(usage.find(({ backend }) => backend === 'a')).toMatchObject({
      type: 'backend-usage',
      cost: { currency: 'EUR' },
    });
    for (const { calls, bytesUp } of usage as unknown as readonly BackendUsage[])
      expect([calls > 3, bytesUp > 10_000]).toEqual([true, true]);
    const people = await runCli(['backup', 'run', '--tier', 'daily', '--usage', '--home', home]);
    expect(people.stdout).toMatch(/\nBACKEND +CALLS +FAILED +UP +DOWN +COST +PER MONTH\na /);
  });

  it('keeps limits that are changed while it is under way', { timeout: 120_000 }, async () => {
    expect((await config('--set-backend', 'b', '--limits', 'upload=1kB/s')).exit).toBe(0);
    await change();
    const before = (await filesIn(place('a'))).length;
    const running = onHome({ home }, 'backup', 'run', '--tier', 'daily');
    await vi.waitFor(async () => expect((await filesIn(place('a'))).length).toBeGreaterThan(before), 60_000);
    // What is left to store would take minutes.
    expect((await config('--set-backend', 'b', '--limits', 'upload=100MB/s')).exit).toBe(0);
    const { stdout } = await running;
    const [snapshot] = jsonLines(stdout) as unknown as [SnapshotRecord];
    expect(snapshot.storedBytes).toBeGreaterThan(300_000);
  });
});
