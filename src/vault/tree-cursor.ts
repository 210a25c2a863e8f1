import { equalBytes, toHex } from '../core/bytes.ts';
import { invariant } from '../core/errors.ts';
import type { RootedTree } from '../format/snapshot/body.ts';
import type { TreeLayout } from '../format/tables.ts';
import { malformed, rootOf } from './chunk-reader.ts';
import type { Child, NodeChild } from './chunk-reader.ts';
import { rowsOfLeaf } from './stored-row.ts';
import type { Chunks, StoredRow } from './stored-row.ts';

/** Walks one tree in key order, opening only what it is told to. */

/** Siblings of the head that are read ahead. */
const CHUNKS_AHEAD = 8;

/** A tree of a snapshot, and what opens its chunks. */
export interface TreeSide {
  readonly tree: RootedTree;
  readonly chunks: Chunks;
}

/** A leaf or node that has not been opened, with all the rows below it. */
export interface Subtree extends Child {
  readonly rows: number;
  /** The greatest key below it; null for a root, of which nobody says. */
  readonly lastKey: Uint8Array | null;
}

/** Children of one opened node. */
interface Frame {
  readonly children: readonly NodeChild[];
  /** Of the children, by content id. */
  readonly places: ReadonlyMap<string, number>;
  /** The child that is at the head or above it. */
  at: number;
}

/** What is in a leaf or a node. */
type Opened = { readonly rows: readonly StoredRow[] } | { readonly children: readonly NodeChild[] };

/**
 * Stands before a subtree or a row, its head: everything before the head has been passed, nothing after it. The keys that
 * are read ascend and stay within what the nodes above say, or it is `format/malformed`.
 */
export class TreeCursor {
  readonly #layout: TreeLayout;
  /** Null: there is no tree. */
  readonly #chunks: Chunks | null;
  readonly #root: Subtree | null;
  /** From the root's children down to those that the head is one of, or whose child its leaf is. */
  readonly #frames: Frame[] = [];
  #rows: readonly StoredRow[] = [];
  #rowAt = 0;
  #subtree: Subtree | null;
  /** Every key at or after the head must be above it. */
  #passed: Uint8Array | null = null;
  readonly #reading = new Map<Subtree, Promise<Opened>>();

  /** Null: no tree, the same as one without rows. */
  constructor(side: TreeSide | null, layout: TreeLayout) {
    this.#layout = layout;
    this.#chunks = side?.chunks ?? null;
    this.#root = side === null || side.tree.summary.rows === 0 ? null : rootSubtree(side.tree);
    this.#subtree = this.#root;
  }

  /** The head if it is a row. */
  get row(): StoredRow | null {
    return this.#subtree === null ? (this.#rows[this.#rowAt] ?? null) : null;
  }

  /** The head if it is a subtree. */
  get subtree(): Subtree | null {
    return this.#subtree;
  }

  /** Nothing is left. */
  get isAtEnd(): boolean {
    return this.#subtree === null && this.#rowAt >= this.#rows.length;
  }

  /** Whether a subtree with this content stands here too, but further on: what comes before it there has no counterpart here. */
  stillHolds({ label, contentId }: Child): boolean {
    const frame = this.#frameAt(label.level);
    const place = frame?.places.get(toHex(contentId));
    return frame !== undefined && place !== undefined && place > frame.at;
  }

  /** Goes past the head. */
  skip(): void {
    const { row } = this;
    if (row !== null) {
      this.#passed = row.key;
      this.#rowAt += 1;
      if (this.#rowAt < this.#rows.length) return;
    } else if (this.#subtree !== null) {
      this.#passed = this.#subtree.lastKey;
      this.#reading.delete(this.#subtree);
    }
    this.#next();
  }

  /**
   * Puts in place of the subtree at the head what is in it; meanwhile reads siblings of which `isNeeded` holds.
   * @throws `integrity/*`, `format/malformed`
   */
  async open(isNeeded: (sibling: Subtree) => boolean): Promise<void> {
    const head = this.#subtree;
    invariant(head !== null, 'only a subtree can be opened');
    const reading = this.#read(head);
    this.#readAhead(isNeeded);
    const opened = await reading;
    this.#reading.delete(head);
    if ('rows' in opened) {
      const { rows } = opened;
      this.#checkKeys(head, rows[0]!.key, rows.at(-1)!.key);
      this.#rows = rows;
      this.#rowAt = 0;
      this.#subtree = null;
      return;
    }
    const { children } = opened;
    this.#checkKeys(head, children[0]!.lastKey, children.at(-1)!.lastKey);
    this.#frames.push({ children, places: new Map(children.map(({ contentId }, i) => [toHex(contentId), i])), at: 0 });
    this.#subtree = children[0]!;
  }

  /** Whether this tree may hold a subtree of another tree, as far as is known without reading: false only if it does not. */
  mayHold({ label, contentId, lastKey }: Subtree): boolean {
    const root = this.#root;
    if (root === null || this.isAtEnd || label.level > root.label.level) return false;
    const frame = this.#frameAt(label.level);
    if (frame !== undefined) return frame.places.has(toHex(contentId)) || !this.#settles(frame, lastKey);
    return label.level < root.label.level || equalBytes(root.contentId, contentId);
  }

  /** Whether every key of this tree is known to be less than this one. */
  endsBefore(key: Uint8Array): boolean {
    const last = this.#frames[0]?.children.at(-1)?.lastKey ?? this.#rows.at(-1)?.key ?? null;
    return this.isAtEnd || (last !== null && Buffer.compare(last, key) < 0);
  }

  /** The children of the last frame that has some left come to the head. */
  #next(): void {
    this.#rows = [];
    this.#rowAt = 0;
    this.#subtree = null;
    for (let frame = this.#frames.at(-1); frame !== undefined; frame = this.#frames.at(-1)) {
      frame.at += 1;
      this.#subtree = frame.children[frame.at] ?? null;
      if (this.#subtree !== null) return;
      this.#frames.pop();
    }
  }

  /** The children of a level that are open. */
  #frameAt(level: number): Frame | undefined {
    return this.#frames.find(({ children }) => children[0]!.label.level === level);
  }

  /** Whether a subtree of the frame's level with this last key would be one of the frame's children. */
  #settles(frame: Frame, lastKey: Uint8Array | null): boolean {
    if (lastKey === null) return false;
    if (Buffer.compare(lastKey, frame.children.at(-1)!.lastKey) <= 0) return true;
    return this.#frames.slice(0, this.#frames.indexOf(frame)).every(({ children, at }) => at === children.length - 1);
  }

  #readAhead(isNeeded: (sibling: Subtree) => boolean): void {
    const frame = this.#frames.at(-1);
    if (frame === undefined) return;
    let ahead = 0;
    for (let at = frame.at + 1; at < frame.children.length && ahead < CHUNKS_AHEAD; at += 1) {
      const sibling = frame.children[at]!;
      if (!isNeeded(sibling)) continue;
      void this.#read(sibling);
      ahead += 1;
    }
  }

  #read(subtree: Subtree): Promise<Opened> {
    const known = this.#reading.get(subtree);
    if (known !== undefined) return known;
    const reading = this.#contentOf(subtree);
    // Heard when the subtree comes to the head; until then it must not count as unhandled.
    reading.catch(() => {});
    this.#reading.set(subtree, reading);
    return reading;
  }

  async #contentOf(subtree: Subtree): Promise<Opened> {
    const chunks = this.#chunks;
    invariant(chunks !== null, 'a tree that is not there has no subtrees');
    if (subtree.label.level > 0) return { children: await chunks.children(subtree, this.#layout) };
    const rows = rowsOfLeaf(await chunks.open(subtree), this.#layout, chunks);
    if (rows.length > 0 && rows.length === subtree.rows) return { rows };
    throw malformed('a leaf has other rows than its parent says');
  }

  #checkKeys(parent: Subtree, first: Uint8Array, last: Uint8Array): void {
    const ascends = this.#passed === null || Buffer.compare(first, this.#passed) > 0;
    if (ascends && (parent.lastKey === null || Buffer.compare(last, parent.lastKey) === 0)) return;
    throw malformed('the keys of a chunk are not those that its parent says');
  }
}

function rootSubtree(tree: RootedTree): Subtree {
  return { ...rootOf(tree), rows: tree.summary.rows, lastKey: null };
}
