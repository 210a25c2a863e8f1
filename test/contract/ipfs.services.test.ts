import { createHash } from 'node:crypto';
import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isTransient } from '../../src/backends/backend-error.ts';
import { cidText } from '../../src/backends/ipfs/cid.ts';
import type { IpfsBackend } from '../../src/backends/ipfs/ipfs-backend.ts';
import { cidOfObject } from '../../src/backends/ipfs/object-layout.ts';
import type { IpfsOptions } from '../../src/backends/ipfs/open-ipfs.ts';
import { openIpfs } from '../../src/backends/ipfs/open-ipfs.ts';
import { rejection } from '../support/expect-code.ts';
import type { KuboServer } from '../support/servers/kubo.ts';
import { startKubo } from '../support/servers/kubo.ts';
import { describeBackendContract, listed, namesOf, pattern, same } from './backend-contract.ts';

const MIB = 1024 * 1024;

let kubo: KuboServer;
let folders = 0;

beforeAll(async () => {
  kubo = await startKubo();
});
afterAll(() => kubo[Symbol.asyncDispose]());

/** In a folder that no other test uses. */
function open(options: Partial<IpfsOptions> = {}): Promise<IpfsBackend> {
  folders += 1;
  return openIpfs({ name: 'kubo', api: kubo.api(), folder: `/tests/${folders}`, ...options });
}

describeBackendContract('a folder of a Kubo node', () => open());

describe('the blocks of a node', () => {
  test('are named as we computed, and other tools read them', async () => {
    const backend = await open();
    const [shard, large] = [pattern(MIB, 1), pattern(3 * MIB + 5, 2)];
    await backend.put(shardName(shard), shard);
    await backend.put('index/large', large);
    const root = await backend.root();
    for (const [name, body] of [
      [shardName(shard), shard],
      ['index/large', large],
    ] as const) {
      expect(await kubo.ipfs('resolve', `/ipfs/${root}/${name}`)).toBe(`/ipfs/${cidText(cidOfObject(body))}`);
      expect(await kubo.ipfs('files', 'stat', '--format=<size>', `/ipfs/${root}/${name}`)).toBe(String(body.length));
    }
    const read = await fetch(`${kubo.gateway()}/ipfs/${root}/index/large`);
    expect(same(await read.bytes(), large)).toBe(true);
  });

  test('survive garbage collection until their last name is deleted', async () => {
    const backend = await open();
    const bodies = {
      'a/1': pattern(5000, 3),
      'a/2': pattern(5000, 3),
      'a/3': pattern(6000, 3),
      'a/4': pattern(2 * MIB, 3),
    };
    for (const [name, body] of Object.entries(bodies)) await backend.put(name, body);
    await backend.delete('a/1');
    await backend.delete('a/3');
    await kubo.ipfs('repo', 'gc');
    expect(await namesOf(backend, '')).toEqual(['a/2', 'a/4']);
    const fresh = await openIpfs({ name: 'kubo', api: kubo.api(), folder: `/tests/${folders}` });
    for (const name of ['a/2', 'a/4'] as const) expect(same(await fresh.get(name), bodies[name])).toBe(true);
    const gone = kubo.ipfs('--offline', 'block', 'stat', cidText(cidOfObject(bodies['a/3'])));
    await expect(gone).rejects.toThrow('could not find');
  });

  test('survive it when only the pin keeps them', async () => {
    const backend = await open();
    await backend.put('a/1', pattern(7000, 4));
    await kubo.ipfs('files', 'rm', '-r', `/tests/${folders}`);
    await kubo.ipfs('repo', 'gc');
    const block = await kubo.ipfs('--offline', 'block', 'stat', cidText(cidOfObject(pattern(7000, 4))));
    expect(block).toContain('7000');
  });

  test('survive it when it runs all the while they are put', async () => {
    const backend = await open();
    const names = Array.from({ length: 120 }, (_, i) => `shards/${i % 10}0/${i}`);
    let isOver = false;
    const collecting = (async () => {
      while (!isOver) await kubo.ipfs('repo', 'gc');
    })();
    for (let start = 0; start < names.length; start += 8) {
      await Promise.all(names.slice(start, start + 8).map((name, i) => backend.put(name, pattern(20_000, start + i))));
    }
    isOver = true;
    await collecting;
    await kubo.ipfs('repo', 'gc');
    const fresh = await openIpfs({ name: 'kubo', api: kubo.api(), folder: `/tests/${folders}` });
    for (const [i, name] of names.entries()) expect(same(await fresh.get(name), pattern(20_000, i))).toBe(true);
  });

  test('of a put that failed are not kept', async () => {
    const backend = await open();
    await backend.put('a/1', pattern(100, 5));
    await rejection(backend.put('a/1', pattern(100, 6)), 'backend/already-exists');
    await rejection(backend.put('a/1/x', pattern(100, 7)), 'backend/unavailable');
    const pins = await kubo.ipfs('pin', 'ls', '--quiet');
    expect(pins).toContain(cidText(cidOfObject(pattern(100, 5))));
    for (const seed of [6, 7]) expect(pins).not.toContain(cidText(cidOfObject(pattern(100, seed))));
  });

  test('that somebody else cut differently are the same object', async () => {
    const backend = await open();
    const body = pattern(600_000, 8);
    const file = join(kubo.repo, '../by-hand');
    await writeFile(file, body);
    const added = await kubo.ipfs('add', '--quieter', '--cid-version=0', '--chunker=size-100000', file);
    expect(added).toMatch(/^Qm/);
    await kubo.ipfs('files', 'mkdir', '-p', `/tests/${folders}/a`);
    await kubo.ipfs('files', 'cp', `/ipfs/${added}`, `/tests/${folders}/a/1`);
    expect(await listed(backend, '')).toEqual([{ name: 'a/1', sizeBytes: 600_000 }]);
    expect(same(await backend.get('a/1'), body)).toBe(true);
    await backend.put('a/1', body);
    await rejection(backend.put('a/1', pattern(600_000, 9)), 'backend/already-exists');
  });
});

describe('a damaged node', () => {
  test.for(['other bytes', 'nothing'])(
    'that has %s for a block never gives wrong bytes, and a put mends it',
    async (what) => {
      const folder = `/tests/damaged-${what.length}`;
      const body = pattern(90_000, what.length);
      const backend = await open({ folder });
      await backend.put('shards/ab/one', body);
      await backend.put('shards/ab/two', pattern(10));
      const file = await blockFile(body);
      if (what === 'nothing') await rm(file);
      else await writeFile(file, Buffer.alloc(90_000));

      const fresh = await open({ folder });
      const lost = await rejection(fresh.get('shards/ab/one'), 'backend/not-found');
      expect(lost.message).toMatch(/^backend kubo: get shards\/ab\/one: block bafk\S+ cannot be had: the node /);
      await rejection(fresh.get('shards/ab/one', { range: { offset: 0, length: 10 } }), 'backend/not-found');
      expect(same(await fresh.get('shards/ab/two'), pattern(10))).toBe(true);
      expect(await namesOf(fresh, '')).toEqual(['shards/ab/one', 'shards/ab/two']);

      await fresh.put('shards/ab/one', body);
      expect(same(await fresh.get('shards/ab/one'), body)).toBe(true);
    },
  );

  /** Kubo keeps each block in a file. */
  async function blockFile(body: Uint8Array): Promise<string> {
    const blocks = join(kubo.repo, 'blocks');
    for (const name of await readdir(blocks, { recursive: true })) {
      if (name.endsWith('.data') && same(await readFile(join(blocks, name)), body)) return join(blocks, name);
    }
    throw new Error('no such block');
  }
});

describe('a node of its own', () => {
  test('keeps what was put when it is killed', async () => {
    await using node = await startKubo();
    const backend = await openIpfs({ name: 'kubo', api: node.api() });
    const names = Array.from({ length: 20 }, (_, i) => `shards/0${i % 4}/${i}`);
    await Promise.all(names.map((name, i) => backend.put(name, pattern(3000, i))));
    await node.kill();
    const error = await rejection(backend.put('shards/00/more', pattern(1)), 'backend/unavailable');
    expect(error.message).toBe('backend kubo: put shards/00/more: no answer (ECONNREFUSED)');
    expect(error.context).toMatchObject({ backend: 'kubo', operation: 'put', object: 'shards/00/more' });
    expect(error.hint).toContain('ipfs daemon');
    expect(isTransient(error)).toBe(true);

    await node.start();
    const again = await openIpfs({ name: 'kubo', api: node.api() });
    expect(await namesOf(again, '')).toEqual(names.toSorted());
    for (const [i, name] of names.entries()) expect(same(await again.get(name), pattern(3000, i))).toBe(true);
  });

  test('spreads a large folder over several nodes', async () => {
    await using node = await startKubo({ configuration: { Import: { UnixFSHAMTDirectorySizeThreshold: '4KiB' } } });
    const backend = await openIpfs({ name: 'kubo', api: node.api() });
    const names = Array.from(
      { length: 600 },
      (_, i) => `index/${createHash('sha256').update(String(i)).digest('hex')}`,
    );
    for (let start = 0; start < names.length; start += 8) {
      await Promise.all(names.slice(start, start + 8).map((name) => backend.put(name, Buffer.from(name))));
    }
    const kinds = await node.ipfs('ls', '--resolve-type=false', '--size=false', `${await backend.root()}/index`);
    expect(kinds.split('\n').length).toBe(600);
    expect(await node.ipfs('dag', 'get', `${await backend.root()}/index`)).toMatch(/"Name":"[0-9A-F]{2}"/);
    expect(await namesOf(backend, '')).toEqual(names.toSorted());
    expect(Buffer.from(await backend.get(names[7]!)).toString()).toBe(names[7]);
    expect(await backend.stat('index/none')).toBe(null);
    await backend.delete(names[7]!);
    expect(await backend.stat(names[7]!)).toBe(null);
    expect((await namesOf(backend, 'index/')).length).toBe(599);
  });

  test('that names content by another hash is refused', async () => {
    await using node = await startKubo({ configuration: { Import: { HashFunction: 'blake3' } } });
    const error = await rejection(openIpfs({ name: 'kubo', api: node.api() }), 'backend/unavailable');
    expect(error.message).toContain('blake3');
    expect(isTransient(error)).toBe(false);
  });

  test('says whether it syncs', async () => {
    expect((await open()).warnings).toEqual([expect.stringContaining('does not fsync')]);
    const { Datastore } = JSON.parse(await readFile(join(kubo.repo, 'config'), 'utf8')) as {
      Datastore: { Spec: { mounts: { sync?: boolean }[] } };
    };
    for (const mount of Datastore.Spec.mounts) if (mount.sync === false) mount.sync = true;
    await using node = await startKubo({ configuration: { Datastore } });
    expect((await openIpfs({ name: 'kubo', api: node.api() })).warnings).toEqual([]);
  });

  test('lets in who has a key, as far as the key goes', async () => {
    const AllowedPaths = ['version', 'config/show', 'block/put', 'block/get', 'block/rm', 'add', 'pin/rm', 'files']; // docs/backends-ipfs.md
    const paths = AllowedPaths.map((path) => `/api/v0/${path}`);
    const Authorizations = {
      One: { AuthSecret: 'bearer:one-secret', AllowedPaths: paths },
      Two: { AuthSecret: 'basic:two:two-secret', AllowedPaths: paths },
      Three: {
        AuthSecret: 'bearer:three-secret',
        AllowedPaths: ['/api/v0/version', '/api/v0/files/stat', '/api/v0/block/get'],
      },
    };
    await using node = await startKubo({ configuration: { API: { Authorizations } }, auth: 'bearer:one-secret' });
    const at = (auth?: string): Promise<IpfsBackend> => openIpfs({ name: 'kubo', api: node.api(), auth });
    for (const auth of ['bearer:one-secret', 'basic:two:two-secret', 'one-secret']) {
      const backend = await at(auth);
      await backend.put('a/1', pattern(10));
      await backend.put('a/1', pattern(10));
      await backend.put('a/2', pattern(2 * MIB));
      expect(same(await backend.get('a/2'), pattern(2 * MIB))).toBe(true);
      await backend.delete('a/1');
    }
    for (const auth of [undefined, 'bearer:other', 'basic:one:one-secret']) await rejection(at(auth), 'backend/denied');
    const error = await rejection((await at('bearer:three-secret')).put('a/1', pattern(10)), 'backend/denied');
    expect(JSON.stringify([error.message, error.hint, error.context])).not.toContain('three-secret');
  });
});

function shardName(body: Uint8Array): string {
  const digest = createHash('sha256').update(body).digest('hex');
  return `shards/${digest.slice(0, 2)}/${digest}`;
}
