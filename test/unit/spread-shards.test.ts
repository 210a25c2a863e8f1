import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PlacedShard } from '../../src/format/index/segment-body.ts';
import { spreadShards } from '../../src/vault/spread-shards.ts';

function shardAt(index: number, holder: number): PlacedShard {
  const name = Buffer.alloc(32, `${index} ${holder}`);
  return { index, holder: Buffer.alloc(16, holder + 1), epoch: 0, name, root: name, groups: [] };
}

/** The most indices that can lie at different holders, by trying everything. */
function mostApart(shards: readonly PlacedShard[]): number {
  const [first] = shards;
  if (first === undefined) return 0;
  const others = shards.slice(1).filter(({ index }) => index !== first.index);
  const apart = others.filter(({ holder }) => Buffer.compare(holder, first.holder) !== 0);
  return Math.max(mostApart(shards.slice(1)), 1 + mostApart(apart));
}

describe('the shards of a stripe that count', () => {
  it('are the first of each index, where those lie apart', () => {
    const shards = [shardAt(0, 0), shardAt(1, 1), shardAt(2, 2), shardAt(0, 3)];
    expect(spreadShards(shards)).toEqual({ apart: shards.slice(0, 3), doubled: [] });
  });

  it('lie at as many holders as can be, and each index is there', () => {
    const shard = fc.tuple(fc.nat(4), fc.nat(4)).map(([index, holder]) => shardAt(index, holder));
    fc.assert(
      fc.property(fc.array(shard, { maxLength: 9 }), (shards) => {
        const { apart, doubled } = spreadShards(shards);
        expect(new Set(apart.map(({ holder }) => holder.toString())).size).toBe(apart.length);
        expect(apart).toHaveLength(mostApart(shards));
        const indices = [...apart, ...doubled].map(({ index }) => index);
        expect(new Set(indices)).toEqual(new Set(shards.map(({ index }) => index)));
        expect(new Set(indices).size).toBe(indices.length);
      }),
      { seed: 4, numRuns: 500 },
    );
  });
});
