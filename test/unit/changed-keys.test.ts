import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/core/bytes.ts';
import { uuidText } from '../../src/core/ids.ts';
import { changedKeys } from '../../src/graph/snapshot/changed-keys.ts';
import type { LoggedKeys } from '../../src/schema/change-log.ts';
import { seededRandom } from '../support/seeded-random.ts';

const random = seededRandom('changed keys');
const [MODEL, OTHER] = [random.bytes(16), random.bytes(16)];
const MODELS = [MODEL, OTHER].map(uuidText);

async function* inBatches(entries: readonly LoggedKeys[]): AsyncGenerator<readonly LoggedKeys[]> {
  for (let at = 0; at < entries.length; at += 3) yield entries.slice(at, at + 3);
}

const changesOf = (...entries: readonly LoggedKeys[]): ReturnType<typeof changedKeys> =>
  changedKeys(inBatches(entries), MODELS);

const joined = (...keys: readonly Uint8Array[]): Uint8Array => Buffer.concat(keys);

describe('changed keys', () => {
  it('are ascending, each once, in the order of the trees', async () => {
    const keys = Array.from({ length: 50 }, () => random.bytes(16));
    const changes = await changesOf(
      { tree: 7, keys: keys[0]! },
      { tree: 1, keys: joined(...keys, ...keys) },
      { tree: 1, keys: keys[3]! },
    );
    expect(changes?.map(({ tree }) => tree.name)).toEqual(['beliefs', 'models']);
    expect((changes![0]!.keys as readonly Uint8Array[]).map(toHex)).toEqual(keys.map(toHex).toSorted());
  });

  it('of edges are those of both trees', async () => {
    const parts = ['a', 'b'].map((letter) => ['s', 't', 'u', 'v'].map((part) => Buffer.alloc(16, `${part}${letter}`)));
    const changes = await changesOf(...parts.map((key) => ({ tree: 5, keys: joined(...key) })));
    const reverse = parts.map(([source, type, target, id]) => toHex(joined(target!, type!, source!, id!)));
    expect(changes!.map(({ tree, keys }) => [tree.name, keys === 'all' ? keys : keys.map(toHex)])).toEqual([
      ['belief_edges', parts.map((key) => toHex(joined(...key)))],
      ['belief_edges_reverse', reverse],
    ]);
    expect(await changesOf({ tree: 5, keys: null })).toEqual([
      { tree: { name: 'belief_edges' }, keys: 'all' },
      { tree: { name: 'belief_edges_reverse' }, keys: 'all' },
    ]);
  });

  it('of embeddings go to the trees of their models, where these are still there', async () => {
    const [belief, gone] = [random.bytes(16), random.bytes(16)];
    const changes = await changesOf({ tree: 8, keys: joined(OTHER, belief, gone, belief) });
    expect(changes).toEqual([{ tree: { name: 'belief_embeddings', modelId: MODELS[1] }, keys: [Buffer.from(belief)] }]);
    const all = await changesOf({ tree: 8, keys: joined(MODEL, belief) }, { tree: 8, keys: null });
    expect(all).toEqual(MODELS.map((modelId) => ({ tree: { name: 'belief_embeddings', modelId }, keys: 'all' })));
  });

  it('become all where there are more than 200,000', async () => {
    const keys = (from: number, count: number): Uint8Array => {
      const bytes = Buffer.alloc(count * 16);
      for (let index = 0; index < count; index += 1) bytes.writeUInt32BE(from + index, index * 16);
      return bytes;
    };
    const repeated = await changesOf(...Array.from({ length: 5 }, () => ({ tree: 1, keys: keys(0, 100_000) })));
    expect(repeated![0]!.keys).toHaveLength(100_000);
    const most = await changesOf({ tree: 1, keys: keys(100_000, 100_000) }, { tree: 1, keys: keys(0, 100_000) });
    expect(most![0]!.keys).toHaveLength(200_000);
    const more = await changesOf({ tree: 1, keys: keys(0, 200_001) }, { tree: 3, keys: keys(0, 1) });
    expect(more!.map((change) => change.keys.length)).toEqual(['all'.length, 1]);
    expect(more![0]!.keys).toBe('all');
  });

  it('are not made of what is no key', async () => {
    for (const entry of [
      { tree: 1, keys: random.bytes(15) },
      { tree: 8, keys: random.bytes(48) },
      { tree: 6, keys: null },
      { tree: 0, keys: null },
      { tree: 99, keys: null },
    ]) {
      expect(await changesOf({ tree: 1, keys: random.bytes(16) }, entry)).toBeNull();
    }
  });
});
