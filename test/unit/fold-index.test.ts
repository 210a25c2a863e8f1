import { describe, expect, it, test } from 'vitest';
import { ValenceError } from '../../src/core/errors.ts';
import { uuidText } from '../../src/core/ids.ts';
import { SEGMENT_BYTES_AIM } from '../../src/core/limits.ts';
import type { SegmentBody } from '../../src/format/index/segment-body.ts';
import { encodeSegment } from '../../src/format/index/segment.ts';
import { createSigningKey } from '../../src/format/keys/signature.ts';
import { foldIndex } from '../../src/pipeline/fold.ts';
import type { FoldIndexOptions } from '../../src/pipeline/fold.ts';
import { segmentBytes } from '../../src/pipeline/segment-builder.ts';
import { planFold, SETTLED_SEGMENT_BYTES } from '../../src/placement/fold-plan.ts';
import { rejection } from '../support/expect-code.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { filler } from '../support/tree-fixture.ts';
import { body, chunk, holder, inline, placedNames, smallStripes, StripeStore } from './fold-fixture.ts';

/** The plan of a fold, and what becomes of a list of segments. */

describe('what is folded', () => {
  test('is the longest end whose oldest segment is no larger than all after it', () => {
    expect(planFold([], 10)).toBeNull();
    expect(planFold([10], 10)).toBe(0);
    expect(planFold([11], 10)).toBeNull();
    expect(planFold([100, 20, 10], 10)).toBe(1);
    expect(planFold([40, 20, 10], 10)).toBe(0);
    // The one in the middle is larger than what comes after it, and the three together are not.
    expect(planFold([100, 99, 40], 1)).toBe(0);
    expect(planFold([100, 50, 40], 1)).toBeNull();
  });

  test('leaves out settled segments and all before them', () => {
    expect(planFold([SETTLED_SEGMENT_BYTES, 10], 10)).toBe(1);
    expect(planFold([10, SETTLED_SEGMENT_BYTES], SETTLED_SEGMENT_BYTES)).toBeNull();
    expect(planFold([10, SETTLED_SEGMENT_BYTES - 10], SETTLED_SEGMENT_BYTES)).toBe(0);
  });

  test('does not grow beyond what a writer puts into a segment', () => {
    const newest = SEGMENT_BYTES_AIM - 30;
    expect(planFold([10, 10, 10], newest)).toBe(0);
    expect(planFold([10, 10, 11], newest)).toBe(1);
    expect(planFold([10, 10, 10], SEGMENT_BYTES_AIM)).toBeNull();
  });
});

describe('an index', () => {
  const store = new StripeStore();
  const written = (bodies: readonly SegmentBody[]): Pick<FoldIndexOptions, 'listed' | 'readSegment'> => ({
    listed: bodies.map((each, i) => ({ digest: Buffer.of(i), sizeBytes: segmentBytes(each) })),
    readSegment: async (digest) => bodies[digest[0]!]!,
  });
  const options: Omit<FoldIndexOptions, 'listed' | 'readSegment' | 'newest'> = {
    profile: store.profile,
    promised: 1,
    domains: store.domains,
    readStripe: store.read,
    place: store.place,
  };
  const big = body({ dropped: Array.from({ length: 1000 }, (_, i) => filler(`gone ${i}`, 32)) });
  const one = body({ inline: [inline(chunk('one', 100))] });
  const newest = body({ inline: [inline(chunk('newest', 100))] });

  it('is folded from where it pays', async () => {
    const folded = await foldIndex({ ...options, ...written([big, one]), newest });
    expect(folded.kept).toBe(1);
    expect(placedNames(folded.bodies)).toEqual(placedNames([one, newest]));
    expect(folded.bodies).toHaveLength(1);
  });

  it('grows by the newest segment where nothing is to be folded', async () => {
    expect(await foldIndex({ ...options, ...written([]), newest })).toEqual({ kept: 0, bodies: [newest] });
    expect(await foldIndex({ ...options, ...written([big]), newest })).toEqual({ kept: 1, bodies: [newest] });
  });

  it('grows by the newest segment where an older one cannot be read', async () => {
    for (const code of ['backend/unavailable', 'integrity/too-few-shards', 'format/malformed'] as const) {
      const readSegment = (): Promise<never> => Promise.reject(new ValenceError(code, 'it is gone'));
      const folded = await foldIndex({ ...options, ...written([one]), newest, readSegment });
      expect(folded).toEqual({ kept: 1, bodies: [newest] });
    }
    const readSegment = (): Promise<never> => Promise.reject(new ValenceError('cancelled', 'enough'));
    const folding = foldIndex({ ...options, ...written([one]), newest, readSegment });
    await rejection(folding, 'cancelled');
  });

  it('knows how long a segment will be', () => {
    const header = { vaultId: uuidText(holder(1)), generation: uuidText(holder(2)), writerId: uuidText(holder(3)) };
    const keys = { indexKey: filler('index key', 32), signingKey: createSigningKey(seededRandom('writer')) };
    for (const each of [big, one, body({ stripes: smallStripes(store, 3).stripes, inline: one.inline })]) {
      const bytes = encodeSegment({ ...header, tier: 'daily' }, each, keys, seededRandom('salt'));
      expect(Math.abs(bytes.length - segmentBytes(each))).toBeLessThan(32);
    }
  });
});
