import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aheadInOrder } from '../../src/vault/ahead.ts';

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function collect<R>(results: AsyncIterable<R>): Promise<R[]> {
  const all: R[] = [];
  for await (const result of results) all.push(result);
  return all;
}

describe('work ahead', () => {
  it('gives results in order, with no more under way than allowed', async () => {
    const cases = fc.record({ turns: fc.array(fc.nat(5), { maxLength: 20 }), atOnce: fc.integer({ min: 1, max: 6 }) });
    await fc.assert(
      fc.asyncProperty(cases, async ({ turns, atOnce }) => {
        let [underWay, most] = [0, 0];
        const work = async (turn: number): Promise<number> => {
          underWay += 1;
          most = Math.max(most, underWay);
          for (let i = 0; i < turn; i += 1) await Promise.resolve();
          underWay -= 1;
          return turn;
        };
        expect(await collect(aheadInOrder(turns, atOnce, work))).toEqual(turns);
        expect(most).toBeLessThanOrEqual(atOnce);
      }),
      { seed: 18, numRuns: process.env['SLOW'] === '1' ? 1_000 : 100 },
    );
  });

  it('has as many under way as allowed', async () => {
    let [underWay, most] = [0, 0];
    const work = async (): Promise<void> => {
      underWay += 1;
      most = Math.max(most, underWay);
      await settle();
      underWay -= 1;
    };
    await collect(aheadInOrder([1, 2, 3, 4, 5, 6, 7, 8, 9], 4, work));
    expect(most).toBe(4);
  });

  it('takes items from a generator only as far as it needs to', async () => {
    let asked = 0;
    async function* items(): AsyncGenerator<number, void, undefined> {
      for (;;) yield (asked += 1);
    }
    const results = aheadInOrder(items(), 3, (item) => Promise.resolve(item));
    expect((await results.next()).value).toBe(1);
    await settle();
    expect(asked).toBe(3);
    await results.return();
    expect(asked).toBe(3);
  });

  it('starts nothing more when the consumer stops, and closes its source', async () => {
    const started: number[] = [];
    let closed = false;
    function* items(): Generator<number, void, undefined> {
      try {
        for (let item = 0; ; item += 1) yield item;
      } finally {
        closed = true;
      }
    }
    const work = (item: number): Promise<number> => {
      started.push(item);
      return Promise.resolve(item);
    };
    for await (const result of aheadInOrder(items(), 4, work)) if (result === 2) break;
    await settle();
    expect(started).toEqual([0, 1, 2, 3, 4, 5]);
    expect(closed).toBe(true);
  });

  it('gives what came before an error, then the error, and starts nothing more', async () => {
    const started: number[] = [];
    const failure = new Error('the fourth');
    const work = async (item: number): Promise<number> => {
      started.push(item);
      if (item >= 3) throw failure;
      return item;
    };
    const given: number[] = [];
    const run = async (): Promise<void> => {
      for await (const result of aheadInOrder([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 3, work)) given.push(result);
    };
    await expect(run()).rejects.toBe(failure);
    await settle();
    expect(given).toEqual([0, 1, 2]);
    expect(started).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('passes on what its source throws', async () => {
    async function* items(): AsyncGenerator<number, void, undefined> {
      yield 1;
      throw new Error('the source');
    }
    await expect(collect(aheadInOrder(items(), 5, (item) => Promise.resolve(item)))).rejects.toThrow('the source');
  });

  it('of nothing gives nothing', async () => {
    expect(await collect(aheadInOrder([], 3, () => Promise.resolve(1)))).toEqual([]);
  });
});
