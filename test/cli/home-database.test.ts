import { execFileSync } from 'node:child_process';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';
import { filesIn, onHome } from '../support/vault-folders.ts';
import { jsonLines, runCli } from './run-cli.ts';

/** The embedded database of a home: only `init` makes it. */

let folder: TemporaryFolder;

beforeAll(async () => {
  folder = await temporaryFolder();
});

afterAll(() => folder[Symbol.asyncDispose]());

/** A home without a database, as one made for a server is without the server's URL. */
async function bareHome(name: string): Promise<string> {
  const home = join(folder.path, name);
  await mkdir(home);
  await writeFile(join(home, 'valence.yaml'), 'version: 1\ndatabase: {}\n');
  return home;
}

describe('where it was never set up', () => {
  it.each([false, true])('nothing is made by what reads, stores or attaches (empty folder: %s)', async (isFolder) => {
    const home = await bareHome(`bare-${isFolder}`);
    if (isFolder) await mkdir(join(home, 'database'));
    expect((await onHome({ home }, 'keys', 'init')).exit).toBe(0);
    await mkdir(join(home, 'place'));
    const config = ['backup', 'config'];
    expect(
      (await onHome({ home }, ...config, '--add-backend', 'a', '--type', 'directory', '--path', join(home, 'place')))
        .exit,
    ).toBe(0);
    expect((await onHome({ home }, ...config, '--tier', 'main', '--backends', 'a', '--copies', '1')).exit).toBe(0);
    const before = await filesIn(home);
    for (const argv of [
      ['digest'],
      ['backup', 'run'],
      ['belief', 'add', 'x'],
      ['vault', 'attach', '--from', join(home, 'place')],
      ['import', '-'],
    ]) {
      const { exit, stdout, stderr } = await onHome({ home }, ...argv);
      expect({ exit, stdout }, argv.join(' ')).toEqual({ exit: 50, stdout: '' });
      const [error] = jsonLines(stderr);
      expect(error).toMatchObject({
        code: 'database/failed',
        message: `the embedded database in ${join(home, 'database')} was never set up`,
      });
      expect(error?.['hint']).toMatch(/valence init.*DATABASE_URL.*--database/);
    }
    const doctor = await onHome({ home }, 'doctor');
    expect(jsonLines(doctor.stdout)).toContainEqual(
      expect.objectContaining({ level: 'error', what: expect.stringContaining('was never set up') }),
    );
    expect(await filesIn(home)).toEqual(before);
    expect((await readdir(home)).includes('database')).toBe(isFolder);
  });

  it('init makes it', async () => {
    const home = await bareHome('set-up');
    expect((await onHome({ home }, 'init')).exit).toBe(0);
    expect((await onHome({ home }, 'digest')).exit).toBe(0);
  });
});

describe('on a disk that is full', () => {
  it.skipIf(!mayMount()).each(['1m', '38m'])('of %s: 33, and a second init finds nothing half made', async (size) => {
    const home = join(folder.path, `tiny-${size}`);
    await mkdir(home);
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', home]);
    try {
      const { exit, stdout, stderr } = await runCli(['init', '--home', home, '--json']);
      expect({ exit, stdout }, stderr).toEqual({ exit: 33, stdout: '' });
      const [error] = jsonLines(stderr);
      expect(error).toMatchObject({ code: 'backend/full', message: expect.stringContaining('no space left') });
      expect(error?.['hint']).toContain('free some space');
      expect(await readdir(join(home, 'database'))).toEqual([]);
      execFileSync('mount', ['-o', 'remount,size=400m', home]);
      expect((await runCli(['init', '--home', home])).exit).toBe(0);
    } finally {
      execFileSync('umount', ['-l', home]);
      await rm(home, { recursive: true });
    }
  });
});

/** Whether this machine lets us mount a file system. */
function mayMount(): boolean {
  try {
    execFileSync('unshare', ['--mount', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
