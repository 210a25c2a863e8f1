import { randomUUID } from 'node:crypto';
import { mkdir, readdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { isTransient } from '../../src/backends/backend-error.ts';
import type { Backend } from '../../src/backends/backend.ts';
import { openSftp } from '../../src/backends/sftp/open-sftp.ts';
import { listed, pattern, same } from '../contract/backend-contract.ts';
import type { CuttingProxy } from '../support/cutting-proxy.ts';
import { cuttingProxy } from '../support/cutting-proxy.ts';
import { rejection } from '../support/expect-code.ts';
import { mount } from '../support/mounts.ts';
import { freePort } from '../support/servers/server-process.ts';
import type { SshServer } from '../support/servers/sshd.ts';
import { startSshd } from '../support/servers/sshd.ts';
import { sftpInNewFolder, sftpOptions } from '../support/sftp-fixture.ts';

const MIB = 1024 * 1024;

let server: SshServer;
beforeAll(async () => {
  server = await startSshd();
});
afterAll(() => server[Symbol.asyncDispose]());

interface Reached {
  readonly backend: Backend;
  readonly path: string;
  readonly proxy: CuttingProxy;
}

/** A backend in a folder of its own, behind a proxy. */
async function throughProxy(more: { keepaliveMs?: number } = {}): Promise<Reached> {
  const proxy = await cuttingProxy(server.port);
  const { backend, path } = await sftpInNewFolder(server, { port: proxy.port, ...more });
  onTestFinished(async () => {
    await backend[Symbol.asyncDispose]();
    await proxy[Symbol.asyncDispose]();
  });
  return { backend, path, proxy };
}

async function temporaries(path: string): Promise<string[]> {
  return (await readdir(path)).filter((name) => name.startsWith('.tmp-'));
}

describe('a connection that is lost', () => {
  test('in the middle of a put: nothing is visible, and the next put connects again and cleans up', async () => {
    const { backend, path, proxy } = await throughProxy();
    proxy.after(3 * MIB, 'up', proxy.cut);
    const error = await rejection(backend.put('shards/ab/one', pattern(8 * MIB)), 'backend/unavailable');
    expect(isTransient(error)).toBe(true);
    expect(error.message).toMatch(/^backend nas: put shards\/ab\/one: the connection was lost: /);
    expect(error.context).toMatchObject({ backend: 'nas', operation: 'put', object: 'shards/ab/one' });
    expect((await temporaries(path)).length).toBe(1);

    expect(await backend.stat('shards/ab/one')).toBe(null);
    expect(await listed(backend, '')).toEqual([]);
    await backend.put('shards/ab/one', pattern(8 * MIB));
    expect(same(await backend.get('shards/ab/one'), pattern(8 * MIB))).toBe(true);
    expect(await temporaries(path)).toEqual([]);
    expect(proxy.connections()).toBe(2);
  });

  test('in the middle of a get', async () => {
    const { backend, proxy } = await throughProxy();
    await backend.put('x', pattern(8 * MIB));
    proxy.after(3 * MIB, 'down', proxy.cut);
    await rejection(backend.get('x'), 'backend/unavailable');
    expect(same(await backend.get('x'), pattern(8 * MIB))).toBe(true);
    expect(proxy.connections()).toBe(2);
  });

  test.for(['up', 'down'] as const)('anywhere in a put, by bytes that went %s', async (direction) => {
    const body = pattern(10_000);
    for (let bytes = 1, lost = true; lost; bytes += direction === 'up' ? 397 : 61) {
      const { backend, path, proxy } = await throughProxy();
      proxy.after(bytes, direction, proxy.cut);
      lost = await backend.put('shards/ab/one', body).then(
        () => false,
        (error: unknown) => isTransient(error),
      );
      proxy.disarm();
      // What follows a put unheard, the closing of a file, may have been cut off just now: that costs one more call.
      const found = await listed(backend, '').catch(() => listed(backend, ''));
      if (!lost || found.length > 0) {
        expect(found).toEqual([{ name: 'shards/ab/one', sizeBytes: body.length }]);
        expect(same(await backend.get('shards/ab/one'), body)).toBe(true);
      }
      await backend.put('shards/ab/one', body);
      await backend.put('valence.json', pattern(5));
      expect(same(await backend.get('shards/ab/one'), body)).toBe(true);
      // The answer to a file's creation may be lost too: then nobody knows of the file, and it goes when it is old.
      expect((await temporaries(path)).length).toBeLessThanOrEqual(1);
    }
  });

  test('fails every call that was under way, and none hangs', async () => {
    const { backend, proxy } = await throughProxy();
    await backend.put('x', pattern(4 * MIB));
    proxy.after(5 * MIB, 'up', proxy.cut);
    const puts = Array.from({ length: 8 }, (_, i) => backend.put(`shards/${i}`, pattern(2 * MIB, i)));
    const results = await Promise.allSettled([...puts, backend.get('x'), listed(backend, '')]);
    const failed = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
    expect(failed.length).toBeGreaterThan(0);
    for (const error of failed) expect(error).toMatchObject({ code: 'backend/unavailable' });
    expect(await backend.stat('x')).toEqual({ name: 'x', sizeBytes: 4 * MIB });
    expect(proxy.connections()).toBe(2);
  });

  test('because the server killed the session', async () => {
    const { backend: opened } = await sftpInNewFolder(server);
    await using backend = opened;
    await backend.put('x', pattern(3));
    expect(await server.dropConnections()).toBeGreaterThan(0);
    await vi.waitUntil(async () => (await backend.stat('x').catch(() => null)) !== null);
  });

  test('without a word, to a server that no longer answers', async () => {
    const { backend, proxy } = await throughProxy({ keepaliveMs: 100 });
    await backend.put('x', pattern(3));
    proxy.freeze();
    const error = await rejection(backend.get('x'), 'backend/unavailable');
    expect(error.message).toBe('backend nas: get x: the connection was lost: Keepalive timeout');
    expect(same(await backend.get('x'), pattern(3))).toBe(true);
  });
});

describe('a put that is aborted', () => {
  test('halfway leaves no temporary file', async () => {
    const { backend, path, proxy } = await throughProxy();
    const controller = new AbortController();
    const reason = new Error('enough');
    proxy.after(3 * MIB, 'up', () => controller.abort(reason));
    await expect(backend.put('x', pattern(12 * MIB), { signal: controller.signal })).rejects.toBe(reason);
    await backend[Symbol.asyncDispose]();
    expect((await readdir(path)).filter((name) => !name.startsWith('.valence-root-'))).toEqual([]);
  });

  test('rejects at once, also when the server no longer answers', async () => {
    const { backend, proxy } = await throughProxy();
    const controller = new AbortController();
    const reason = new Error('enough');
    proxy.after(MIB, 'up', () => {
      proxy.freeze();
      controller.abort(reason);
    });
    await expect(backend.put('x', pattern(12 * MIB), { signal: controller.signal })).rejects.toBe(reason);
  });
});

describe('a server', () => {
  test('that is down is unavailable, and serves again once it is up', async () => {
    await using own = await startSshd();
    const { backend: opened } = await sftpInNewFolder(own);
    await using backend = opened;
    await backend.put('x', pattern(3));
    await own.stop();
    await vi.waitFor(async () => {
      const error = await rejection(backend.stat('x'), 'backend/unavailable');
      expect(error.message).toContain('ECONNREFUSED');
      expect(isTransient(error)).toBe(true);
    });
    await own.start();
    expect(await backend.stat('x')).toEqual({ name: 'x', sizeBytes: 3 });
  });

  test('that comes back with another host key is refused, and what it means is said', async () => {
    await using own = await startSshd();
    const { backend: opened, path } = await sftpInNewFolder(own);
    await using backend = opened;
    const pinned = await own.fingerprint();
    await own.stop();
    await own.start({ newHostKeys: true });
    const shown = await own.fingerprint();
    expect(shown).not.toBe(pinned);
    await vi.waitFor(async () => {
      const error = await rejection(backend.put('x', pattern(3)), 'backend/denied');
      expect(error.message).toBe(`backend nas: put x: the server shows the host key ${shown}, not ${pinned}`);
      expect(error.hint).toContain('put it as host-key into valence.yaml');
    });
    expect(await readdir(path)).toEqual([]);
    await using again = await openSftp(await sftpOptions(own, { folder: path }));
    await again.put('x', pattern(3));
  });

  test('that nobody runs, or that has no such name', async () => {
    const nobody = openSftp(await sftpOptions(server, { port: await freePort() }));
    expect(isTransient(await rejection(nobody, 'backend/unavailable'))).toBe(true);
    const nameless = openSftp(await sftpOptions(server, { host: 'nas.invalid' }));
    expect((await rejection(nameless, 'backend/unavailable')).context).toMatchObject({ operation: 'open' });
  });

  test.for(['HTTP/1.1 400 Bad Request\r\n\r\n', 'SSH-2.0-x\r\nnonsense'])('that is none: %j', async (greeting) => {
    const port = await freePort();
    const other = createServer((socket) => socket.on('error', () => undefined).end(greeting)).listen(port, '127.0.0.1');
    onTestFinished(() => void other.close());
    await rejection(openSftp(await sftpOptions(server, { port })), 'backend/unavailable');
  });

  test('without SFTP', async () => {
    await using own = await startSshd({ subsystem: 'other' });
    const error = await rejection(openSftp(await sftpOptions(own)), 'backend/unavailable');
    expect(error.message).toBe('backend nas: open: cannot connect: the server does not start SFTP');
    expect(isTransient(error)).toBe(false);
  });

  test('that is read-only serves readers and denies writers', async () => {
    const { backend: writer, path } = await sftpInNewFolder(server);
    await writer.put('shards/ab/one', pattern(3));
    await writer[Symbol.asyncDispose]();
    await using own = await startSshd({ sftp: '-R' });
    await using backend = await openSftp(await sftpOptions(own, { folder: path }));
    expect(await listed(backend, '')).toEqual([{ name: 'shards/ab/one', sizeBytes: 3 }]);
    expect(same(await backend.get('shards/ab/one'), pattern(3))).toBe(true);
    await backend.put('shards/ab/one', pattern(3));
    for (const call of [() => backend.put('shards/ab/two', pattern(3)), () => backend.delete('shards/ab/one')]) {
      const error = await rejection(call(), 'backend/denied');
      expect(error.message).toMatch(/: the server denies permission$/);
    }
    expect(await readdir(join(path, 'shards/ab'))).toEqual(['one']);
  });
});

test('a user who may not delete can put all the same', async () => {
  await using own = await startSshd({ sftp: '-P remove' });
  const { backend: opened } = await sftpInNewFolder(own);
  await using backend = opened;
  for (const name of ['a/1', 'a/2', 'a/1']) await backend.put(name, pattern(10));
  await rejection(backend.delete('a/1'), 'backend/denied');
  expect((await listed(backend, '')).map(({ name }) => name).toSorted()).toEqual(['a/1', 'a/2']);
});

describe('a disk of the server', () => {
  async function tinyDisk(options: string): Promise<{ readonly folder: string; readonly unmount: () => void }> {
    const folder = join(server.folder, randomUUID());
    await mkdir(folder);
    return { folder, unmount: mount(folder, '-t', 'tmpfs', '-o', options, 'tmpfs') };
  }

  test('that is full', async () => {
    const { folder } = await tinyDisk('size=1m');
    await using backend = await openSftp(await sftpOptions(server, { folder }));
    await backend.put('a/small', pattern(500_000));
    const error = await rejection(backend.put('a/large', pattern(600_000)), 'backend/full');
    expect(error.hint).toBe('free some space there, then run the command again');
    expect(await temporaries(folder)).toEqual([]);
    expect(await backend.stat('a/large')).toBe(null);
    await backend.put('a/other', pattern(300_000));
    expect(same(await backend.get('a/other'), pattern(300_000))).toBe(true);
  });

  test('that has no room for another name', async () => {
    const { folder } = await tinyDisk('size=1m,nr_inodes=6');
    await using backend = await openSftp(await sftpOptions(server, { folder }));
    await backend.put('a/1', pattern(10));
    await backend.put('a/2', pattern(10));
    await rejection(backend.put('a/3', pattern(10)), 'backend/full');
    await rejection(backend.put('b/c/d/3', pattern(10)), 'backend/full');
    expect((await listed(backend, '')).map(({ name }) => name)).toEqual(['a/1', 'a/2']);
  });

  test('that is unmounted: its mount point stays empty', async () => {
    const { folder, unmount } = await tinyDisk('size=1m');
    await using backend = await openSftp(await sftpOptions(server, { folder }));
    await backend.put('x', pattern(3));
    unmount();
    await rejection(backend.put('y', pattern(3)), 'backend/unavailable');
    await rejection(backend.stat('x'), 'backend/unavailable');
    await rejection(listed(backend, ''), 'backend/unavailable');
    expect(await readdir(folder)).toEqual([]);
  });
});
