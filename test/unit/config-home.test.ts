import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { resolveDatabase } from '../../src/config/database-choice.ts';
import type { HomeLock } from '../../src/config/home-lock.ts';
import { lockHome } from '../../src/config/home-lock.ts';
import type { Home } from '../../src/config/home.ts';
import { homeAt, isHome, resolveHome } from '../../src/config/home.ts';
import type { ProcessIdentity, ProcessState, ProcessTable } from '../../src/config/process-table.ts';
import { systemProcesses } from '../../src/config/process-table.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

describe('the home', () => {
  test.for([
    [{ flag: '/a', env: { VALENCE_HOME: '/b' } }, '/a'],
    [{ env: { VALENCE_HOME: '/b' } }, '/b'],
    [{ env: { VALENCE_HOME: '' } }, '/home/ada/.valence'],
    [{ env: {} }, '/home/ada/.valence'],
    [{ flag: 'x', env: {} }, join(process.cwd(), 'x')],
  ] as const)('%j is %s', ([choice, root]) => {
    expect(resolveHome({ ...choice, userFolder: '/home/ada' }).root).toBe(root);
  });

  test('an empty flag is refused', () => {
    expect(() => resolveHome({ flag: '', env: {} })).toThrow(expect.objectContaining({ code: 'usage/invalid' }));
  });

  test('its layout', () => {
    expect(homeAt('/h')).toEqual({
      root: '/h',
      configFile: '/h/valence.yaml',
      databaseFolder: '/h/database',
      hostKeyFile: '/h/host.key',
      masterKeyFile: '/h/master.key',
      spoolFolder: '/h/spool',
      journalFolder: '/h/journal',
      locksFolder: '/h/locks',
      placesFolder: '/h/places',
      secretsFolder: '/h/secrets',
      lockFile: '/h/lock',
    });
  });

  test('is one once it has a valence.yaml', async () => {
    await using folder = await temporaryFolder();
    const home = homeAt(folder.path);
    expect(await isHome(home)).toBe(false);
    await mkdir(join(folder.path, 'x', 'valence.yaml'), { recursive: true });
    expect(await isHome(homeAt(join(folder.path, 'x')))).toBe(false);
    await writeFile(home.configFile, 'version: 1');
    expect(await isHome(home)).toBe(true);
  });
});

describe('the database', () => {
  const home = homeAt('/h');
  const search = { language: 'english', model: null };
  const config = {
    version: 1,
    databaseUrl: 'postgres://file/x',
    search,
    backends: new Map(),
    tiers: new Map(),
    embedders: new Map(),
  } as const;

  test('flag, then environment, then file, then the home', () => {
    const [flag, env] = ['postgresql://flag/x', { DATABASE_URL: 'postgres://env/x' }];
    expect(resolveDatabase({ flag, env, config, home })).toEqual({ kind: 'url', url: flag });
    expect(resolveDatabase({ env, config, home })).toEqual({ kind: 'url', url: 'postgres://env/x' });
    expect(resolveDatabase({ env: { DATABASE_URL: '' }, config, home })).toEqual({
      kind: 'url',
      url: 'postgres://file/x',
    });
    const embedded = { kind: 'folder', folder: '/h/database' };
    expect(resolveDatabase({ env: {}, config: { ...config, databaseUrl: null }, home })).toEqual(embedded);
    expect(resolveDatabase({ env: {}, config: null, home })).toEqual(embedded);
  });

  test('what is no URL of Postgres is refused without repeating it', () => {
    const env = { DATABASE_URL: 'mysql://ada:hunter2@x' };
    const withFlag = { flag: '', env, config, home };
    expect(() => resolveDatabase(withFlag)).toThrow(expect.objectContaining({ code: 'usage/invalid' }));
    expect(() => resolveDatabase({ env, config, home })).toThrow(
      expect.objectContaining({ code: 'config/invalid', message: 'DATABASE_URL is not a postgres:// URL' }),
    );
  });
});

/** Processes that run as long as the test says so; the lock's own is number 1. */
class FakeProcesses implements ProcessTable {
  readonly #self: ProcessIdentity;
  readonly #running: ReadonlySet<number>;

  constructor(pid: number, running: Iterable<number>) {
    this.#self = { pid, start: '100', boot: 'b', host: 'here' };
    this.#running = new Set(running);
  }

  async self(): Promise<ProcessIdentity> {
    return this.#self;
  }

  async state({ pid, host }: ProcessIdentity): Promise<ProcessState> {
    if (host !== 'here') return 'unknown';
    return this.#running.has(pid) ? 'running' : 'gone';
  }
}

function claim(pid: number, more: { nonce?: string; host?: string } = {}): string {
  const { nonce = '00000000000000aa', host = 'here' } = more;
  return JSON.stringify({ pid, start: '1', boot: 'b', host, command: 'valence backup run', nonce });
}

function lock(home: Home, pid: number, running: Iterable<number>): Promise<HomeLock> {
  return lockHome(home, { command: `valence ${pid}`, processes: new FakeProcesses(pid, running) });
}

describe('the lock of a home', () => {
  test('is held until disposal', async () => {
    await using folder = await temporaryFolder();
    const home = homeAt(folder.path);
    {
      await using held = await lockHome(home, { command: 'valence backup run' });
      expect(held.home).toBe(home);
      await expect(lockHome(home, { command: 'valence import' })).rejects.toMatchObject({
        code: 'home/locked',
        message: `home ${home.root} is in use by process ${process.pid} (valence backup run)`,
        context: { pid: process.pid, command: 'valence backup run' },
      });
    }
    expect(await readdir(home.root)).toEqual([]);
    await using again = await lockHome(home, { command: 'valence import' });
    expect(again.home).toBe(home);
  });

  test('of a process that is gone is taken over', async () => {
    await using folder = await temporaryFolder();
    const home = homeAt(folder.path);
    await writeFile(home.lockFile, claim(7));
    await using held = await lock(home, 1, [1]);
    expect(JSON.parse(await readFile(held.home.lockFile, 'utf8'))).toMatchObject({ pid: 1, command: 'valence 1' });
    expect(await readdir(home.root)).toEqual(['lock']);
  });

  test.for([
    ['a running process', claim(7), [1, 7], /in use by process 7 \(valence backup run\)/, /wait until it has ended/],
    [
      'another machine',
      claim(7, { host: 'nas' }),
      [1],
      /in use by process 7 on nas/,
      /remove .*lock; this machine cannot tell/,
    ],
    ['nobody we know', 'hello', [1], /is not one of ours/, /remove .*lock/],
    ['nobody at all', '', [1], /is not one of ours/, /remove .*lock/],
    ['someone who leads us astray', claim(7, { nonce: '../../../../etc' }), [1], /is not one of ours/, /remove/],
  ] as const)('of %s is left alone', async ([, content, running, message, hint]) => {
    await using folder = await temporaryFolder();
    const home = homeAt(folder.path);
    await writeFile(home.lockFile, content);
    const locking = lock(home, 1, running);
    await expect(locking).rejects.toMatchObject({
      code: 'home/locked',
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
    });
    expect(await readFile(home.lockFile, 'utf8')).toBe(content);
  });

  test('of a process that went while it took over another', async () => {
    await using folder = await temporaryFolder();
    const home = homeAt(folder.path);
    await writeFile(home.lockFile, claim(7));
    await writeFile(`${home.lockFile}.00000000000000aa`, claim(8, { nonce: '00000000000000bb' }));
    await expect(lock(home, 1, [1, 8])).rejects.toMatchObject({ code: 'home/locked', context: { pid: 8 } });
    await using held = await lock(home, 1, [1]);
    expect(await readdir(held.home.root)).toEqual(['lock']);
  });

  test('goes to one of many that want it at once, stale or not', async () => {
    for (const stale of [true, false]) {
      for (let round = 0; round < 10; round += 1) {
        await using folder = await temporaryFolder();
        const home = homeAt(folder.path);
        if (stale) await writeFile(home.lockFile, claim(99));
        const pids = [1, 2, 3, 4, 5, 6];
        const results = await Promise.allSettled(pids.map((pid) => lock(home, pid, pids)));
        const held = results.filter((result) => result.status === 'fulfilled');
        expect(held.length).toBe(1);
        for (const result of results) {
          if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'home/locked' });
        }
        await held[0]?.value[Symbol.asyncDispose]();
        expect(await readdir(home.root)).toEqual([]);
      }
    }
  });

  test('a slow rival that saw the stale lock does not remove the new one', async () => {
    await using folder = await temporaryFolder();
    const home = homeAt(folder.path);
    await writeFile(home.lockFile, claim(99));
    const quick = new FakeProcesses(2, [1, 2]);
    const slow = new FakeProcesses(1, [1, 2]);
    let won: HomeLock | undefined;
    const processes: ProcessTable = {
      self: () => slow.self(),
      async state(identity) {
        won ??= await lockHome(home, { command: 'quick', processes: quick });
        return slow.state(identity);
      },
    };
    const locking = lockHome(home, { command: 'slow', processes });
    await expect(locking).rejects.toMatchObject({ code: 'home/locked', context: { pid: 2, command: 'quick' } });
    expect(await readdir(home.root)).toEqual(['lock']);
    await won?.[Symbol.asyncDispose]();
    expect(await readdir(home.root)).toEqual([]);
  });
});

describe('processes of this machine', () => {
  test('this one is running, under another start or boot it is gone', async () => {
    const self = await systemProcesses.self();
    expect(await systemProcesses.state(self)).toBe('running');
    expect(await systemProcesses.state({ ...self, host: 'elsewhere.invalid' })).toBe('unknown');
    expect(await systemProcesses.state({ ...self, start: null, boot: null })).toBe('running');
    if (self.start === null) return;
    expect(await systemProcesses.state({ ...self, start: '1' })).toBe('gone');
    expect(await systemProcesses.state({ ...self, boot: 'another' })).toBe('gone');
  });

  test('a killed process leaves a lock that the next one takes over', async () => {
    await using folder = await temporaryFolder();
    const home = homeAt(folder.path);
    const child = fork(join(import.meta.dirname, '../support/home-locker.ts'), [folder.path], { execArgv: [] });
    await once(child, 'message');
    await expect(lockHome(home, { command: 'valence import' })).rejects.toMatchObject({
      code: 'home/locked',
      context: { pid: child.pid, command: 'valence test' },
    });
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await readdir(home.root)).toEqual(['lock']);
    await using held = await lockHome(home, { command: 'valence import' });
    expect(JSON.parse(await readFile(held.home.lockFile, 'utf8'))).toMatchObject({ pid: process.pid });
  });
});
