import { toHex, view } from '../../src/core/bytes.ts';
import { INLINE_VALUE_BYTES_MAX } from '../../src/core/limits.ts';
import { uuidBytes } from '../../src/core/ids.ts';
import { TupleReader } from '../../src/format/rows/copy-tuples.ts';
import { inlineLargeValues, readLeafRow, rowEnds } from '../../src/format/rows/large-value.ts';
import { layoutNamed } from '../../src/format/tables.ts';
import { TreeBuilder } from '../../src/format/tree/builder.ts';
import { decodeChunk } from '../../src/format/tree/chunk.ts';
import { ContentIds } from '../../src/format/tree/content-id.ts';
import type { ChunkKind, ChunkLabel, TreeSummary } from '../../src/format/tree/content-id.ts';
import { CutPoints, cutsAfter } from '../../src/format/tree/cut.ts';
import { decodeNode } from '../../src/format/tree/node.ts';
import type { Fields, Operation } from './fields.ts';

/** Rows and trees, FORMAT.md §5. */
export const TREE_OPERATIONS: Readonly<Record<string, Operation>> = {
  'cut-words': (given) => {
    const keys = given.list('keys').map((key) => padToBlocks(Buffer.from(String(key), 'hex')));
    const cuts = new CutPoints(given.bytes('boundaryKey'), given.number('tree'), given.number('level'));
    return { words: keys.map((key) => cuts.words(view(key), 1, key.length)[0]) };
  },
  'cut-points': (given) => {
    const [sizes, words, aim] = [given.numbers('sizes'), given.numbers('words'), given.number('aim')];
    let before = 0;
    const endsAfter = sizes.flatMap((size, i) => {
      const ends = cutsAfter(words[i]!, before, before + size, aim);
      before = ends ? 0 : before + size;
      return ends ? [i] : [];
    });
    return { endsAfter };
  },
  'content-id': (given) => ({
    contentId: toHex(new ContentIds(given.bytes('contentIdKey')).of(label(given), given.bytes('content'))),
  }),
  'content-root': (given) => {
    const trees = given.objects('trees').map(summaryOf);
    return {
      contentRoot: toHex(new ContentIds(given.bytes('contentIdKey')).root(given.number('schemaVersion'), trees)),
    };
  },
  tree: buildTree,
  chunk: (given) => {
    const chunk = decodeChunk(given.bytes('bytes'));
    const references = chunk.references.map(({ name, key }) => ({ name: toHex(name), key: toHex(key) }));
    return { ...chunk.label, content: toHex(chunk.content), references };
  },
  node: (given) => ({
    entries: decodeNode(given.bytes('content'), given.number('keyBytes')).map((entry) => ({
      ...entry,
      lastKey: toHex(entry.lastKey),
      contentId: toHex(entry.contentId),
    })),
  }),
  leaf: (given) => {
    const [content, columns] = [given.bytes('content'), given.number('columns')];
    const ends = rowEnds(content, columns);
    const rows = ends.map((end, i) => readLeafRow(content.subarray(ends[i - 1] ?? 0, end), columns));
    const pieces = given.list('pieces').map((piece) => Buffer.from(String(piece), 'hex'));
    return { rows: rows.map((row) => toHex(inlineLargeValues(row, () => pieces.shift()!))) };
  },
};

async function buildTree(given: Fields): Promise<unknown> {
  const layout = layoutNamed(given.text('tree'));
  const modelId = given.text('model') === '' ? Buffer.alloc(16) : uuidBytes(given.text('model'));
  const chunks: unknown[] = [];
  const builder = new TreeBuilder<null>({
    layout,
    modelId,
    boundaryKey: given.bytes('boundaryKey'),
    ids: new ContentIds(given.bytes('contentIdKey')),
    store: (chunk) => {
      const { kind, level } = chunk.label;
      chunks.push({ kind, level, contentId: toHex(chunk.contentId), contentBytes: chunk.content.length });
      return Promise.resolve(null);
    },
  });
  const reader = new TupleReader(layout, INLINE_VALUE_BYTES_MAX);
  for (const batch of reader.push(given.bytes('copy'))) builder.add(batch);
  reader.end();
  const { summary } = await builder.finish();
  return {
    level: summary.level,
    contentId: toHex(summary.contentId),
    rows: summary.rows,
    bytes: summary.bytes,
    chunks,
  };
}

function label(given: Fields): ChunkLabel {
  const [kind, tree] = [given.number('kind') as ChunkKind, given.number('tree')];
  return { kind, tree, level: given.number('level'), rowVersion: given.number('rowVersion') };
}

function summaryOf(given: Fields): TreeSummary {
  return {
    code: given.number('code'),
    rowVersion: given.number('rowVersion'),
    level: given.number('level'),
    modelId: given.bytes('model'),
    contentId: given.bytes('contentId'),
    rows: given.number('rows'),
    bytes: given.number('bytes'),
  };
}

function padToBlocks(key: Uint8Array): Uint8Array {
  return Buffer.concat([key, Buffer.alloc((16 - (key.length % 16)) % 16)]);
}
