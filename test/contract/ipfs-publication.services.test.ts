import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DAG_PB, cidText } from '../../src/backends/ipfs/cid.ts';
import type { IpfsBackend } from '../../src/backends/ipfs/ipfs-backend.ts';
import type { IpfsOptions } from '../../src/backends/ipfs/open-ipfs.ts';
import { openIpfs } from '../../src/backends/ipfs/open-ipfs.ts';
import { rejection } from '../support/expect-code.ts';
import type { KuboServer } from '../support/servers/kubo.ts';
import { startKubo } from '../support/servers/kubo.ts';
import { answerHttp } from '../support/servers/loopback-http.ts';
import type { PinKeeper } from '../support/servers/pin-keeper.ts';
import { startPinKeeper } from '../support/servers/pin-keeper.ts';
import { freePort } from '../support/servers/server-process.ts';
import { listed, pattern, same } from './backend-contract.ts';

const MIB = 1024 * 1024;
const OBJECTS = {
  'valence.json': pattern(300, 1),
  'keys/1': pattern(5000, 2),
  'shards/ab/one': pattern(MIB, 3),
  'shards/cd/two': pattern(70_000, 4),
  'index/large': pattern(3 * MIB + 17, 5),
  'snapshots/all/3': pattern(400, 6),
} as const;

let first: KuboServer;
let second: KuboServer;
let folders = 0;

beforeAll(async () => {
  [first, second] = await Promise.all([startKubo(), startKubo()]);
});
afterAll(async () => {
  await first[Symbol.asyncDispose]();
  await second[Symbol.asyncDispose]();
});

/** In a folder that no other test uses. */
function open(options: Partial<IpfsOptions> = {}): Promise<IpfsBackend> {
  folders += 1;
  return openIpfs({ name: 'kubo', api: first.api(), folder: `/tests/${folders}`, ...options });
}

async function filled(options: Partial<IpfsOptions> = {}): Promise<IpfsBackend> {
  const backend = await open(options);
  for (const [name, body] of Object.entries(OBJECTS)) await backend.put(name, body);
  return backend;
}

async function expectAllOf(backend: IpfsBackend): Promise<void> {
  const sizes = Object.entries(OBJECTS).map(([name, body]) => ({ name, sizeBytes: body.length }));
  expect(await listed(backend, '')).toEqual(sizes.toSorted((a, b) => (a.name < b.name ? -1 : 1)));
  for (const [name, body] of Object.entries(OBJECTS)) expect(same(await backend.get(name), body)).toBe(true);
}

/** An RPC that nobody answers. */
async function nobody(): Promise<string> {
  return `http://127.0.0.1:${await freePort()}`;
}

describe('from the content id of a folder alone', () => {
  test('nothing is there before something is stored', async () => {
    const backend = await open();
    await rejection(backend.root(), 'backend/not-found');
    await rejection(backend.publish(), 'backend/not-found');
  });

  test('everything is read at the node that has it, also what was deleted since', async () => {
    const backend = await filled();
    const root = await backend.root();
    const state = await open({ root });
    expect(state.location).toBe(`ipfs /ipfs/${root}`);
    await expectAllOf(state);
    await backend.delete('keys/1');
    await backend.put('keys/2', pattern(10));
    expect(await backend.root()).not.toBe(root);
    await expectAllOf(await open({ root: `/ipfs/${root}` }));
  });

  test('nothing can be written', async () => {
    const state = await open({ root: await (await filled()).root() });
    await rejection(state.put('keys/2', pattern(10)), 'backend/denied');
    await rejection(state.delete('keys/1'), 'backend/denied');
    await rejection(state.publish(), 'backend/denied');
    await expectAllOf(state);
  });

  test('everything is read at another node that is connected to the first', async () => {
    const backend = await filled();
    await backend.put('empty', pattern(0));
    const root = await backend.root();
    const address = /"(\/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\/[^"]+)"/.exec(await first.ipfs('id'))![1]!;
    await second.ipfs('swarm', 'connect', address);
    const state = await openIpfs({ name: 'kubo', api: second.api(), root });
    for (const [name, body] of Object.entries(OBJECTS)) expect(same(await state.get(name), body)).toBe(true);
    // Peers hand out every block but an empty one.
    expect((await state.get('empty')).length).toBe(0);
  });

  test('everything is read through a gateway, without a node', async () => {
    const root = await (await filled()).root();
    await expectAllOf(await openIpfs({ name: 'kubo', api: await nobody(), root, gateway: first.gateway() }));
  });

  test('it must be that of a folder, and somebody must have it', async () => {
    await filled();
    const file = await first.ipfs('files', 'stat', '--hash', `/tests/${folders}/index/large`);
    await rejection(open({ root: file }), 'backend/unavailable');
    const unknown = cidText({ codec: DAG_PB, digest: Buffer.alloc(32, 1) });
    const nowhere = openIpfs({ name: 'kubo', api: await nobody(), root: unknown, gateway: first.gateway() });
    const error = await rejection(nowhere, 'backend/unavailable');
    expect(error.message).toContain(`block ${unknown} cannot be had: gateway 127.0.0.1`);
    await rejection(open({ root: '/ipfs/nonsense' }), 'config/invalid');
    await rejection(openIpfs({ name: 'kubo', api: await nobody(), root: unknown }), 'backend/unavailable');
  });
});

describe('a gateway that lies', () => {
  test.for(['a changed byte', 'one byte less', 'another block', 'nothing'])('with %s gives nothing', async (lie) => {
    const root = await (await filled()).root();
    let isLying = false;
    const lies: Readonly<Record<string, (bytes: Buffer) => Uint8Array>> = {
      'a changed byte': (bytes) => Buffer.concat([bytes.subarray(0, -1), Buffer.from([bytes.at(-1)! ^ 1])]),
      'one byte less': (bytes) => bytes.subarray(1),
      'another block': () => OBJECTS['keys/1'],
      nothing: () => Buffer.alloc(0),
    };
    await using gateway = await answerHttp(async ({ url }) => {
      const block = await fetch(`${first.gateway()}${url.pathname}${url.search}`);
      const bytes = Buffer.from(await block.bytes());
      return { status: block.status, body: isLying ? lies[lie]!(bytes) : bytes };
    });
    const state = await openIpfs({ name: 'kubo', api: await nobody(), root, gateway: gateway.url });
    isLying = true;
    const names = ['shards/ab/one', 'index/large'] as const;
    for (const name of names) {
      // Nobody else has the block, and a gateway that lies about one will not be believed the next time either.
      const error = await rejection(state.get(name), 'backend/not-found');
      expect(error.message).toContain(`gateway ${new URL(gateway.url).host} gives other bytes`);
    }
    isLying = false;
    for (const name of names) expect(same(await state.get(name), OBJECTS[name])).toBe(true);
  });

  test('fills in for blocks that the node has lost, when it does not', async () => {
    const folder = '/tests/lost';
    await filled({ folder });
    const copy = await openIpfs({ name: 'copy', api: second.api(), folder, gateway: first.gateway() });
    for (const [name, body] of Object.entries(OBJECTS)) await copy.put(name, body);
    const shard = await second.ipfs('files', 'stat', '--hash', `${folder}/shards/ab/one`);
    await second.ipfs('pin', 'rm', shard);
    await second.ipfs('block', 'rm', shard);
    const fresh = await openIpfs({ name: 'copy', api: second.api(), folder, gateway: first.gateway() });
    await expectAllOf(fresh);
    const alone = await openIpfs({ name: 'copy', api: second.api(), folder });
    await rejection(alone.get('shards/ab/one'), 'backend/not-found');
  });
});

describe('publishing', () => {
  test('gives the content id', async () => {
    const backend = await filled();
    const done = await backend.publish();
    expect(done).toEqual({ root: await backend.root(), ipns: null, pinning: { pending: [], failed: [] } });
  });

  test('leads from an IPNS name to the newest state', async () => {
    // Still without any peer: but a node keeps records of its own only where it would tell others.
    await using node = await startKubo({
      configuration: { Routing: { Type: 'dht', LoopbackAddressesOnLanDHT: true } },
    });
    const api = node.api();
    const backend = await filled({ api, ipns: 'valence-test' });
    const { root, ipns } = await backend.publish();
    expect(ipns).toEqual({ name: expect.stringMatching(/^k51/), failure: null });
    expect(await node.ipfs('key', 'list')).toContain('valence-test');
    await expectAllOf(await open({ api, root: ipns!.name! }));

    await backend.put('keys/2', pattern(20));
    const again = await backend.publish();
    expect(again.ipns).toEqual(ipns);
    expect(again.root).not.toBe(root);
    const state = await open({ api, root: `/ipns/${ipns!.name}` });
    expect(same(await state.get('keys/2'), pattern(20))).toBe(true);
  });

  test('says what keeps it from announcing', async () => {
    const auth = 'bearer:one';
    const AllowedPaths = ['version', 'files', 'block'].map((path) => `/api/v0/${path}`);
    const Authorizations = { One: { AuthSecret: auth, AllowedPaths } };
    await using node = await startKubo({ configuration: { API: { Authorizations } }, auth });
    const backend = await open({ api: node.api(), auth, ipns: 'valence-test' });
    await backend.put('valence.json', pattern(10));
    const { root, ipns } = await backend.publish();
    expect(root).toBe(await backend.root());
    expect(ipns).toEqual({ name: null, failure: expect.stringContaining('Access Denied') });
    expect(backend.warnings).toEqual([expect.stringContaining('cannot be read')]);
  });

  test('a name that nobody knows leads nowhere', async () => {
    const root = 'k51qzi5uqu5dgutdk6i1ynyzgkqngpha5xpgia3a5qqp4jsh0u4csozksxel2r';
    await rejection(open({ root }), 'backend/not-found');
  });
});

describe('pinning services', () => {
  function service({ url, token }: PinKeeper): NonNullable<IpfsOptions['pinning']> {
    return [{ name: 'keeper', endpoint: url, token }];
  }

  test('are asked for the folder, and asked again only for another state', async () => {
    await using keeper = await startPinKeeper();
    const backend = await filled({ pinning: service(keeper) });
    expect(await backend.pinning()).toEqual({ pending: [state('absent')], failed: [] });
    expect(await backend.publish()).toMatchObject({ pinning: { pending: [state('queued')], failed: [] } });
    expect(keeper.pins).toMatchObject([{ cid: await backend.root(), name: expect.stringMatching(/^valence-bafk/) }]);
    expect(keeper.pins[0]!.origins).toEqual([expect.stringMatching(/^\/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\//)]);
    await backend.publish();
    expect(keeper.pins.length).toBe(1);
    keeper.pins[0]!.status = 'pinned';
    expect(await backend.pinning()).toEqual({ pending: [], failed: [] });
    expect(keeper.complaints).toEqual([]);
  });

  test('give up the earlier state only once they have the new one', async () => {
    await using keeper = await startPinKeeper();
    const backend = await filled({ pinning: service(keeper) });
    const before = (await backend.publish()).root;
    keeper.pins[0]!.status = 'pinned';
    await backend.put('keys/2', pattern(20));
    const after = (await backend.publish()).root;
    expect(keeper.pins.map(({ cid }) => cid)).toEqual([before, after]);
    keeper.pins[1]!.status = 'pinned';
    expect((await backend.publish()).pinning).toEqual({ pending: [], failed: [] });
    expect(keeper.pins.map(({ cid }) => cid)).toEqual([after]);
    expect(keeper.complaints).toEqual([]);
  });

  test('do not collect states that they never got', async () => {
    await using keeper = await startPinKeeper();
    const backend = await filled({ pinning: service(keeper) });
    const kept = (await backend.publish()).root;
    keeper.pins[0]!.status = 'pinned';
    for (const seed of [20, 21, 22]) {
      await backend.put(`keys/${seed}`, pattern(seed));
      await backend.publish();
    }
    expect(keeper.pins.map(({ cid }) => cid)).toEqual([kept, await backend.root()]);
  });

  test('are asked again after they failed', async () => {
    await using keeper = await startPinKeeper();
    const backend = await filled({ pinning: service(keeper) });
    keeper.refusal = 503;
    const away = { service: 'keeper', status: 'unreachable', reason: 'the service answers 503: TOLD_TO' };
    expect(await backend.publish()).toMatchObject({ pinning: { pending: [], failed: [away] } });
    expect(await backend.pinning()).toEqual({ pending: [], failed: [away] });
    await expectAllOf(backend);
    keeper.refusal = null;
    await backend.publish();
    keeper.pins[0]!.status = 'failed';
    expect(await backend.pinning()).toEqual({ pending: [], failed: [state('failed')] });
    expect(await backend.publish()).toMatchObject({ pinning: { pending: [state('queued')] } });
    expect(keeper.pins.map(({ status }) => status)).toEqual(['queued']);
  });

  test('leave the pins of other vaults alone', async () => {
    await using keeper = await startPinKeeper();
    const one = await open({ pinning: service(keeper) });
    await one.put('valence.json', pattern(100, 30));
    const other = await open({ pinning: service(keeper) });
    await other.put('valence.json', pattern(100, 31));
    await one.publish();
    keeper.pins[0]!.status = 'pinned';
    await other.publish();
    keeper.pins[1]!.status = 'pinned';
    await other.publish();
    expect(keeper.pins.map(({ cid }) => cid)).toEqual([await one.root(), await other.root()]);
  });

  test('fetch from the node that connects to them', async () => {
    await using keeper = await startPinKeeper();
    await using fetcher = await startKubo();
    keeper.delegates = [/"(\/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\/[^"]+)"/.exec(await fetcher.ipfs('id'))![1]!];
    const backend = await filled({ pinning: service(keeper) });
    const { root } = await backend.publish();
    await fetcher.ipfs('pin', 'add', root);
    await fetcher.ipfs('repo', 'gc');
    await expectAllOf(await openIpfs({ name: 'kubo', api: await nobody(), root, gateway: fetcher.gateway() }));
  });

  test('that take no notice of an abort do not hold it up', async () => {
    const controller = new AbortController();
    await using silent = await answerHttp(() => {
      controller.abort(new Error('enough'));
      return new Promise(() => {});
    });
    const backend = await filled({ pinning: [{ name: 'silent', endpoint: silent.url, token: 't' }] });
    await expect(backend.publish({ signal: controller.signal })).rejects.toThrow('enough');
  });

  function state(status: string): object {
    return { service: 'keeper', status, reason: null };
  }
});
