import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/core/bytes.ts';
import { uuidText } from '../../src/core/ids.ts';
import type { SnapshotSource, TreeId } from '../../src/core/ports.ts';
import type { GenerationSecrets } from '../../src/format/keys/writer-secrets.ts';
import { createGenerationSecrets } from '../../src/format/keys/writer-secrets.ts';
import { TREES } from '../../src/format/tables.ts';
import { contentRootOf, readTrees } from '../../src/pipeline/read-trees.ts';
import { rejection } from '../support/expect-code.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { filler, layout, piecesOf, randomRows } from '../support/tree-fixture.ts';
import { copyStream } from '../vectors/copy-rows.ts';

const SECRETS: GenerationSecrets = createGenerationSecrets(seededRandom('secrets'));
const MODELS = ['a', 'b'].map((name) => uuidText(filler(name, 16)));
const ROWS = 120;

const idOf = ({ name, modelId }: TreeId): string => `${name} ${modelId ?? ''}`;

interface SourceOptions {
  readonly pieceBytes?: number;
  /** In how many COPY streams each tree comes. */
  readonly streams?: number;
  readonly schemaVersion?: number;
  readonly engine?: string;
  readonly trees?: readonly TreeId[];
}

const ALL: readonly TreeId[] = TREES.flatMap(({ name, perModel }) =>
  perModel === true ? MODELS.map((modelId) => ({ name, modelId })) : [{ name }],
);

/** A substrate made of COPY tuples. */
function source({
  pieceBytes = 1000,
  streams = 1,
  schemaVersion = 3,
  engine = 'by hand',
  trees = ALL,
}: SourceOptions = {}): SnapshotSource {
  return {
    schemaVersion,
    engine,
    trees,
    position: null,
    untracked: 'made by hand',
    changesSince: () => Promise.resolve({ kind: 'unknown', reason: 'made by hand' }),
    async *rows(tree) {
      const of = layout(tree.name as Parameters<typeof layout>[0]);
      const rows = randomRows(of, ROWS, { seed: idOf(tree) });
      const each = Math.ceil(ROWS / streams);
      const bytes = Array.from({ length: streams }, (_, i) => copyStream(rows.slice(i * each, (i + 1) * each)));
      yield* piecesOf(Buffer.concat(bytes), [pieceBytes]);
    },
  };
}

const rootOf = async (options?: SourceOptions): Promise<string> =>
  toHex((await contentRootOf(source(options), SECRETS)).contentRoot);

describe('the content root of a source', () => {
  it('does not depend on engine, pieces or streams', async () => {
    const expected = await rootOf();
    for (const options of [
      { engine: 'another' },
      { pieceBytes: 77 },
      { pieceBytes: 1_000_000 },
      { streams: 7 },
      { streams: 200, pieceBytes: 50 },
    ]) {
      expect(await rootOf(options)).toBe(expected);
    }
  });

  it('depends on the schema version, on every tree, on their order and on the keys', async () => {
    const others = [
      await rootOf({ schemaVersion: 4 }),
      ...(await Promise.all(ALL.map((_, i) => rootOf({ trees: ALL.toSpliced(i, 1) })))),
      await rootOf({ trees: ALL.toReversed() }),
      toHex((await contentRootOf(source(), { ...SECRETS, contentIdKey: filler('other', 32) })).contentRoot),
      toHex((await contentRootOf(source(), { ...SECRETS, boundaryKey: filler('other', 32) })).contentRoot),
    ];
    expect(new Set([await rootOf(), ...others]).size).toBe(others.length + 1);
  });

  it('counts the rows of each tree, models apart', async () => {
    const { trees } = await contentRootOf(source(), SECRETS);
    expect(trees.map(({ summary }) => [summary.code, summary.rows])).toEqual(
      [1, 2, 3, 4, 5, 6, 7, 8, 8].map((code) => [code, ROWS]),
    );
    expect(new Set(trees.map(({ summary }) => toHex(summary.modelId))).size).toBe(3);
  });
});

describe('reading trees', () => {
  it('waits until more may be stored, and tells how far it is', async () => {
    let [stored, waits, overrun] = [0, 0, 0];
    const stages: string[] = [];
    await readTrees(source({ pieceBytes: 4000 }), {
      secrets: SECRETS,
      store: () => {
        stored += 1;
        overrun = Math.max(overrun, stored);
        return Promise.resolve(null);
      },
      ready: async () => {
        waits += 1;
        stored = 0;
      },
      progress: ({ stage }) => stages.push(stage),
    });
    expect(waits).toBeGreaterThan(50);
    expect(overrun).toBeLessThan(8);
    expect(new Set(stages)).toEqual(new Set(TREES.map(({ name }) => `reading ${name}`)));
  });

  it('ends with what storing says, with a cancelled signal, and with a stream cut short', async () => {
    const base = {
      secrets: SECRETS,
      store: () => Promise.resolve(null),
      ready: () => Promise.resolve(),
      progress: () => {},
    };
    const failure = new Error('no room');
    await expect(readTrees(source(), { ...base, store: () => Promise.reject(failure) })).rejects.toBe(failure);
    await expect(readTrees(source(), { ...base, ready: () => Promise.reject(failure) })).rejects.toBe(failure);
    await expect(readTrees(source(), { ...base, signal: AbortSignal.abort(failure) })).rejects.toBe(failure);
    const short: SnapshotSource = {
      ...source(),
      async *rows() {
        yield copyStream([]).subarray(0, -1);
      },
    };
    await rejection(readTrees(short, base), 'format/malformed');
  });
});
