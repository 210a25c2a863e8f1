import { mkdir, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Backend } from '../../src/backends/backend.ts';
import { openDirectory } from '../../src/backends/directory/directory.ts';
import { listed, pattern, same } from '../contract/backend-contract.ts';
import { rejection } from '../support/expect-code.ts';
import { mount } from '../support/mounts.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Real mounts, which are for root: where they are not permitted, these tests fail. */

/** An empty folder for a mount point, and another beside it. */
async function folders(): Promise<{ readonly mnt: string; readonly other: string }> {
  const folder = await temporaryFolder();
  onTestFinished(() => folder[Symbol.asyncDispose]());
  const [mnt, other] = [join(folder.path, 'mnt'), join(folder.path, 'other')];
  for (const path of [mnt, other]) await mkdir(path);
  return { mnt, other };
}

function open(root: string, mountPoint?: string): Promise<Backend> {
  return openDirectory({ root, name: 'nas', mustExist: true, mountPoint });
}

async function expectGone(backend: Backend): Promise<void> {
  for (const call of [
    () => backend.put('shards/ab/two', pattern(3)),
    () => backend.put('two', pattern(3)),
    () => backend.get('shards/ab/one'),
    () => backend.stat('shards/ab/one'),
    () => listed(backend, ''),
    () => backend.delete('shards/ab/one'),
  ]) {
    await rejection(call(), 'backend/unavailable');
  }
}

describe('a share that is unmounted while it is open', () => {
  test.for(['a file system', 'a folder that is bound'])('%s: its mount point stays empty', async (what) => {
    const { mnt, other } = await folders();
    const parameters = what === 'a file system' ? ['-t', 'tmpfs', 'tmpfs'] : ['--bind', other];
    const unmount = mount(mnt, ...parameters);
    const backend = await open(mnt);
    await backend.put('shards/ab/one', pattern(3));
    unmount();
    await expectGone(backend);
    expect(await readdir(mnt)).toEqual([]);
  });

  test('or has another mounted over it', async () => {
    const { mnt } = await folders();
    mount(mnt, '-t', 'tmpfs', 'tmpfs');
    const backend = await open(mnt);
    await backend.put('shards/ab/one', pattern(3));
    const unmount = mount(mnt, '-t', 'tmpfs', 'tmpfs');
    await expectGone(backend);
    expect(await readdir(mnt)).toEqual([]);
    unmount();
    expect(same(await backend.get('shards/ab/one'), pattern(3))).toBe(true);
    await backend.put('shards/ab/two', pattern(3));
  });

  test('the folder of the objects is one below it', async () => {
    const { mnt } = await folders();
    const unmount = mount(mnt, '-t', 'tmpfs', 'tmpfs');
    await mkdir(join(mnt, 'valence'));
    const backend = await open(join(mnt, 'valence'), mnt);
    await backend.put('shards/ab/one', pattern(3));
    unmount();
    await expectGone(backend);
    expect(await readdir(mnt)).toEqual([]);
  });
});

describe('a share that is not mounted when it is opened', () => {
  test('is told from its mount point, where one is named', async () => {
    const { mnt } = await folders();
    const error = await rejection(open(mnt, mnt), 'backend/unavailable');
    expect(error.message).toBe(`backend nas: nothing is mounted at ${mnt}`);
    expect(error.hint).toBe('mount the disk or share there, then run the command again');
    expect(error.context).toMatchObject({ backend: 'nas', operation: 'open', path: mnt });
    const making = openDirectory({ root: join(mnt, 'valence'), name: 'nas', mustExist: false, mountPoint: mnt });
    await rejection(making, 'backend/unavailable');
    expect(await readdir(mnt)).toEqual([]);

    mount(mnt, '-t', 'tmpfs', 'tmpfs');
    const backend = await open(mnt, mnt);
    await backend.put('x', pattern(3));
  });

  test('also through a link to the mount point, and not if it is missing', async () => {
    const { mnt } = await folders();
    const link = `${mnt}-link`;
    await symlink(mnt, link);
    await rejection(open(link, link), 'backend/unavailable');
    await rejection(open(`${mnt}-missing`, `${mnt}-missing`), 'backend/unavailable');
    mount(mnt, '-t', 'tmpfs', 'tmpfs');
    await (await open(link, link)).put('x', pattern(3));
    expect(await readdir(mnt)).toEqual(['x']);
  });

  test('and the mount point must be above the folder', async () => {
    const { mnt, other } = await folders();
    mount(mnt, '-t', 'tmpfs', 'tmpfs');
    const error = await rejection(open(other, mnt), 'backend/unavailable');
    expect(error.message).toBe(`backend nas: ${other} does not lie in ${mnt}`);
  });
});
