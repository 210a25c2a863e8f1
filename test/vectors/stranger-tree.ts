/**
 * Trees as FORMAT.md §5.5 to §5.8 describe them, written from the text with none of the program's code: what every writer
 * must arrive at for the same rows. Keys of rows are given, since reading them is in stranger.ts.
 */
import { createCipheriv, createHash } from 'node:crypto';

export interface KeyedRow {
  readonly key: Uint8Array;
  readonly tuple: Uint8Array;
}

export interface TreeRows {
  readonly code: number;
  readonly aim: number;
  /** 16 bytes, zero where there is none. */
  readonly modelId: Uint8Array;
  readonly rows: readonly KeyedRow[];
}

export interface TreeKeys {
  readonly contentIdKey: Uint8Array;
  readonly boundaryKey: Uint8Array;
}

interface Entry {
  readonly lastKey: Buffer;
  readonly contentId: Buffer;
  readonly rows: number;
  readonly bytes: number;
}

/** What is gathered into a leaf or node. */
interface Item {
  readonly key: Uint8Array;
  readonly content: Uint8Array;
  /** Its size in the cut rule. */
  readonly size: number;
  readonly rows: number;
  readonly bytes: number;
}

const ROW_VERSION = 1;

function numbers(...parts: readonly (readonly [bytes: number, value: number])[]): Buffer {
  return Buffer.concat(parts.map(([bytes, value]) => Buffer.from(value.toString(16).padStart(bytes * 2, '0'), 'hex')));
}

// 5.6
function word(boundaryKey: Uint8Array, tree: number, level: number, key: Uint8Array): number {
  const block = (input: Uint8Array): Buffer =>
    createCipheriv('aes-256-ecb', boundaryKey, null).setAutoPadding(false).update(input);
  const padded = Buffer.concat([key, Buffer.alloc((16 - (key.length % 16)) % 16)]);
  let state = block(Buffer.concat([Buffer.from('valence cut v1'), Buffer.of(tree, level)]));
  for (let at = 0; at < padded.length; at += 16) state = block(state.map((byte, i) => byte ^ padded[at + i]!));
  return state.readUInt32BE();
}

// 5.6
function ends(found: number, before: number, after: number, aim: number): boolean {
  const a = BigInt(Math.min(Math.floor((64 * before) / aim), 256));
  const b = BigInt(Math.floor((64 * after) / aim));
  return after >= 4 * aim || BigInt(found) < 256n * (b ** 4n - a ** 4n);
}

interface Level {
  readonly tree: number;
  readonly level: number;
  readonly aim: number;
  readonly keys: TreeKeys;
}

/** The leaves or nodes of one level. */
function gather(items: readonly Item[], { tree, level, aim, keys }: Level): Entry[] {
  const entries: Entry[] = [];
  let open: Item[] = [];
  let size = 0;
  const close = (): void => {
    const content = Buffer.concat(open.map((item) => item.content));
    const head = Buffer.concat([
      Buffer.from('valence content\0'),
      Buffer.of(level === 0 ? 1 : 2, tree, level, ROW_VERSION),
      numbers([4, 0], [8, content.length]),
    ]);
    const contentId = createHash('sha256').update(keys.contentIdKey).update(head).update(content).digest();
    const sum = (field: 'rows' | 'bytes'): number => open.reduce((total, item) => total + item[field], 0);
    entries.push({ lastKey: Buffer.from(open.at(-1)?.key ?? []), contentId, rows: sum('rows'), bytes: sum('bytes') });
    [open, size] = [[], 0];
  };
  for (const item of items) {
    const before = size;
    open.push(item);
    size += item.size;
    if (ends(word(keys.boundaryKey, tree, level, item.key), before, size, aim)) close();
  }
  if (open.length > 0 || entries.length === 0) close();
  return entries;
}

// 5.7
function entryItem({ lastKey, contentId, rows, bytes }: Entry): Item {
  const content = Buffer.concat([lastKey, contentId, numbers([8, rows], [8, bytes])]);
  return { key: lastKey, content, size: lastKey.length + 112, rows, bytes };
}

/** 5.5: the content root of trees without large values. */
export function contentRootOfRows(trees: readonly TreeRows[], schemaVersion: number, keys: TreeKeys): string {
  const hash = createHash('sha256')
    .update(keys.contentIdKey)
    .update('valence root\0\0\0\0')
    .update(numbers([4, schemaVersion], [4, trees.length]));
  for (const { code, aim, modelId, rows } of trees) {
    const items = rows.map(({ key, tuple }) => ({
      key,
      content: tuple,
      size: tuple.length,
      rows: 1,
      bytes: tuple.length,
    }));
    let level = 0;
    let entries = gather(items, { tree: code, level, aim, keys });
    while (entries.length > 1) {
      level += 1;
      entries = gather(entries.map(entryItem), { tree: code, level, aim: 4096, keys });
    }
    const root = entries[0]!;
    hash
      .update(Buffer.of(code, ROW_VERSION, level, 0))
      .update(modelId)
      .update(root.contentId)
      .update(numbers([8, root.rows], [8, root.bytes]));
  }
  return hash.digest('hex');
}
