import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/core/bytes.ts';
import { ValenceError } from '../../src/core/errors.ts';
import type { TierHead } from '../../src/format/snapshot/summary.ts';
import { findChainBreaks } from '../../src/vault/chain.ts';
import type { BrokenSnapshot, Snapshot } from '../../src/vault/snapshots.ts';
import { filler } from '../support/tree-fixture.ts';

const digest = (name: string): Uint8Array => filler(name, 32);

/** What the chain looks at; the rest of a snapshot does not matter here. */
function snapshot(
  name: string,
  previous: string | null,
  options: { tier?: string; writer?: string; heads?: readonly TierHead[] } = {},
): Snapshot {
  const { tier = 'home', writer = 'a', heads = [] } = options;
  const header = { tier, writerId: writer, sequence: 1, previous: previous === null ? null : digest(previous) };
  return {
    manifest: { digest: digest(name), header },
    summary: { heads },
    object: name,
    locations: [],
  } as unknown as Snapshot;
}

const head = (tier: string, name: string, sequence = 1): TierHead => ({ tier, sequence, digest: digest(name) });

const broken = (name: string): BrokenSnapshot => ({
  name: { tier: 'home', sequence: 2, digest: digest(name), object: { name, copies: [] } },
  foreign: false,
  error: new ValenceError('integrity/authentication-failed', 'damaged'),
});

const breaks = (...given: Parameters<typeof findChainBreaks>): unknown[] =>
  findChainBreaks(...given).map(({ tier, kind, digest: of, sequence }) => ({ tier, kind, of: toHex(of), sequence }));

const missing = (tier: string, name: string, sequence: number | null = null): unknown => ({
  tier,
  kind: 'missing',
  of: toHex(digest(name)),
  sequence,
});
const fork = (tier: string, name: string | null): unknown => ({
  tier,
  kind: 'fork',
  of: name === null ? '00'.repeat(32) : toHex(digest(name)),
  sequence: null,
});

describe('a chain', () => {
  const whole = [snapshot('one', null), snapshot('two', 'one'), snapshot('three', 'two')];

  it('that is whole has no breaks, in whatever order', () => {
    expect(breaks([], [])).toEqual([]);
    expect(breaks(whole, [])).toEqual([]);
    expect(breaks(whole.toReversed(), [], [head('home', 'three', 3)])).toEqual([]);
  });

  it('with a hole shows it', () => {
    expect(breaks([whole[0]!, whole[2]!], [])).toEqual([missing('home', 'two')]);
    expect(breaks(whole.slice(1), [])).toEqual([missing('home', 'one')]);
    const [gap] = findChainBreaks(whole.slice(1), []);
    expect(gap!.detail).toContain(toHex(digest('one')).slice(0, 12));
  });

  it('of which one cannot be read has no hole there: that is reported elsewhere', () => {
    expect(breaks([whole[0]!, whole[2]!], [broken('two')])).toEqual([]);
  });

  it('that forks shows where', () => {
    expect(breaks([...whole, snapshot('other', 'one')], [])).toEqual([fork('home', 'one')]);
    expect(breaks([...whole, snapshot('other', null)], [])).toEqual([fork('home', null)]);
    expect(breaks([...whole, snapshot('other', 'one'), snapshot('another', 'one')], [])).toHaveLength(2);
  });

  it('is one for each writer and tier', () => {
    const others = [
      snapshot('b', null, { writer: 'b' }),
      snapshot('c', null, { tier: 'cloud' }),
      snapshot('d', 'b', { writer: 'b' }),
    ];
    expect(breaks([...whole, ...others], [])).toEqual([]);
  });

  it('misses the head that this host remembers', () => {
    expect(breaks(whole, [], [head('home', 'four', 4)])).toEqual([missing('home', 'four', 4)]);
    expect(breaks([], [], [head('home', 'one', 1)])).toEqual([missing('home', 'one', 1)]);
    expect(findChainBreaks([], [], [head('home', 'one', 1)])[0]!.detail).toContain('snapshot 1 (');
  });

  it('misses the head of another tier that a snapshot knew', () => {
    const cloud = snapshot('cloud one', null, { tier: 'cloud', heads: [head('home', 'three', 3)] });
    expect(breaks([...whole, cloud], [])).toEqual([]);
    expect(breaks([...whole.slice(0, 2), cloud], [])).toEqual([missing('home', 'three', 3)]);
  });

  it('misses what several refer to once', () => {
    const cloud = snapshot('cloud one', null, { tier: 'cloud', heads: [head('home', 'two', 2)] });
    expect(breaks([whole[0]!, whole[2]!, cloud], [], [head('home', 'two', 2)])).toHaveLength(1);
  });
});
