import { describe, expect, test } from 'vitest';
import { isTransient } from '../../src/backends/backend-error.ts';
import type { DirectoryBackend } from '../../src/backends/directory/directory.ts';
import { openDirectory } from '../../src/backends/directory/directory.ts';
import type { FileSystem } from '../../src/core/file-system.ts';
import { listed, pattern, same } from '../contract/backend-contract.ts';
import { rejection } from '../support/expect-code.ts';
import type { Fault, ShareFault } from '../support/faulty-files.ts';
import { FaultyFiles } from '../support/faulty-files.ts';
import { VolatileDisk } from '../support/volatile-disk.ts';

const ROOT = '/mnt/nas/valence';
const before = pattern(3000, 1);
const body = pattern(5000, 2);

function open(files: FileSystem): Promise<DirectoryBackend> {
  return openDirectory({ root: ROOT, name: 'nas', mustExist: false, clock: { now: () => 0 }, files });
}

interface Share {
  readonly backend: DirectoryBackend;
  readonly files: FaultyFiles;
  /** From this call on, counted from now, every call fails so, until `returns`. */
  dropAt(call: number, fault: Fault): void;
  returns(): void;
}

/** A backend with one object, open while its share drops. */
async function share(): Promise<Share> {
  let drop: { from: number; fault: Fault } | null = null;
  const files = new FaultyFiles(
    ({ index }) => (drop !== null && index >= drop.from ? drop.fault : null),
    new VolatileDisk(),
  );
  const backend = await open(files);
  await backend.put('shards/ab/before', before);
  return {
    backend,
    files,
    dropAt: (call, fault) => (drop = { from: files.calls.length + call, fault }),
    returns: () => (drop = null),
  };
}

/** Every call that a put makes, into a folder that is there and into one that is not. */
const NAMES = ['shards/ab/new', 'shards/cd/new'] as const;

async function callsOfPut(name: string): Promise<readonly string[]> {
  const { backend, files } = await share();
  const start = files.calls.length;
  await backend.put(name, body);
  return files.calls.slice(start).map(({ operation }) => operation);
}

const FAULTS: readonly ShareFault[] = ['EIO', 'ESTALE', 'ENOTCONN', 'EHOSTDOWN', 'ETIMEDOUT'];

describe('a share that drops', () => {
  test('has every step of a put ahead of it', async () => {
    const steps = ['create', 'write', 'sync', 'link', 'syncFolder', 'remove', 'close'];
    for (const name of NAMES) expect(await callsOfPut(name)).toEqual(expect.arrayContaining(steps));
    expect(await callsOfPut('shards/cd/new')).toContain('makeFolder');
  });

  test.for(FAULTS)('at any step of a put with %s, and is back later', async (fault) => {
    for (const name of NAMES) {
      const steps = await callsOfPut(name);
      for (const [at, step] of steps.entries()) {
        const { backend, dropAt, returns, files } = await share();
        dropAt(at, fault);
        const failed = await backend.put(name, body).then(
          () => null,
          (error: unknown) => error,
        );
        // The object is whole and durable when only its temporary name is left to remove.
        if (failed === null) expect([at, step]).toEqual([steps.length - 1, 'remove']);
        else expect([isTransient(failed), failed]).toMatchObject([true, { context: { systemCode: fault } }]);
        await rejection(backend.stat('shards/ab/before'), 'backend/unavailable');
        await rejection(listed(backend, ''), 'backend/unavailable');

        returns();
        const found = await listed(backend, '');
        expect(found.filter((info) => info.name !== name)).toEqual([{ name: 'shards/ab/before', sizeBytes: 3000 }]);
        if (found.length > 1) expect(same(await backend.get(name), body)).toBe(true);
        await backend.put(name, body);
        expect(same(await backend.get(name), body)).toBe(true);
        expect(same(await backend.get('shards/ab/before'), before)).toBe(true);
        const left = (await files.entries(ROOT)).filter((entry) => entry.name.startsWith('.tmp-'));
        expect(left.length).toBeLessThanOrEqual(1);
      }
    }
  });

  test.for(FAULTS)('for one call of a put with %s', async (fault) => {
    for (const name of NAMES) {
      for (const at of (await callsOfPut(name)).keys()) {
        let calls = -1;
        const disk = new VolatileDisk();
        const files = new FaultyFiles(() => (calls >= 0 && calls++ === at ? fault : null), disk);
        const backend = await open(files);
        await backend.put('shards/ab/before', before);
        calls = 0;
        const failed = await backend.put(name, body).then(
          () => null,
          (error: unknown) => error,
        );
        if (failed !== null) expect([at, isTransient(failed)]).toEqual([at, true]);
        calls = -1;
        const found = await backend.stat(name);
        if (found !== null) expect(same(await backend.get(name), body)).toBe(true);
        await backend.put(name, body);
        const cut = await open(disk.cut({ names: () => false, contents: () => false }));
        expect(same(await cut.get(name), body)).toBe(true);
      }
    }
  });
});

describe('a share that refuses for good', () => {
  test.for<Fault>(['EACCES', 'EROFS'])('is not tried again: %s', async (fault) => {
    const { backend, dropAt } = await share();
    dropAt(0, fault);
    expect(isTransient(await rejection(backend.put('x', body), 'backend/unavailable'))).toBe(false);
  });
});

describe('a share without fsync of folders', () => {
  test.for<Fault>(['EINVAL', 'ENOTSUP', 'EPERM'])('that answers %s', async (fault) => {
    const refuse = new FaultyFiles(({ operation }) => (operation === 'syncFolder' ? fault : null), new VolatileDisk());
    const backend = await open(refuse);
    await backend.put('shards/ab/one', body);
    await backend.delete('shards/ab/one');
    await backend.put('shards/ab/one', before);
    expect(same(await backend.get('shards/ab/one'), before)).toBe(true);
  });
});
