import { ValenceError } from '../../core/errors.ts';
import type { ObjectInfo, ObjectName } from '../backend.ts';
import { isObjectName } from '../object-name.ts';
import type { Cid } from './cid.ts';
import { RAW } from './cid.ts';
import type { DagNode, Link } from './dag-node.ts';
import { decodeNode } from './dag-node.ts';
import type { VerifiedBlocks } from './verified-blocks.ts';

/** An object and where it begins. */
export interface StoredObject extends ObjectInfo {
  readonly cid: Cid;
}

/** A file node over leaves, which `ipfs add` without raw leaves makes nodes too. Nothing of ours is deeper. */
const FILE_LEVELS_MAX = 2;
/** Names are spread by 8 bits of a 64-bit hash a level. */
const FOLDER_LEVELS_MAX = 9;
const BLOCKS_AT_ONCE = 16;

/**
 * Objects by name, found from the content id of a folder alone: so a listing shows one state, and whoever knows the id
 * can read everything. Methods throw what `VerifiedBlocks` does, and `format/malformed` for nodes that are no UnixFS.
 */
export class FolderTree {
  readonly #blocks: VerifiedBlocks;
  readonly #bytesMax: number;

  /** `bytesMax`: the largest object that is read. */
  constructor(blocks: VerifiedBlocks, bytesMax: number) {
    this.#blocks = blocks;
    this.#bytesMax = bytesMax;
  }

  /** `null`: there is none, or a folder of that name. */
  async find(root: Cid, name: ObjectName, signal?: AbortSignal): Promise<StoredObject | null> {
    const link = await this.#linkAt(root, name, signal);
    return link === null ? null : this.#object(name, link, signal);
  }

  /** The objects below a prefix of the contract of backends; what is not ours is passed over. */
  async *list(root: Cid, prefix: string, signal?: AbortSignal): AsyncIterable<ObjectInfo> {
    const link = prefix === '' ? linkTo(root) : await this.#linkAt(root, prefix.slice(0, -1), signal);
    if (link !== null && link.cid.codec !== RAW) yield* this.#walk(link.cid, prefix, signal);
  }

  /** The whole content of an object, as a copy. @throws `backend/unavailable` above the largest size */
  async read({ cid, name, sizeBytes }: StoredObject, signal?: AbortSignal): Promise<Uint8Array> {
    if (sizeBytes > this.#bytesMax) throw this.#tooLarge(name);
    const pieces: Uint8Array[] = [];
    let length = 0;
    for await (const piece of this.#content(cid, FILE_LEVELS_MAX, signal)) {
      length += piece.length;
      if (length > this.#bytesMax) throw this.#tooLarge(name);
      pieces.push(piece);
    }
    if (length !== sizeBytes) {
      throw new ValenceError('format/malformed', `${name} has ${length} bytes, where its folder says ${sizeBytes}`);
    }
    return Buffer.concat(pieces);
  }

  /** @throws `format/malformed` when it is no folder */
  async checkFolder(root: Cid, signal?: AbortSignal): Promise<void> {
    if ((await this.#entries(root, signal)) === null) {
      throw new ValenceError('format/malformed', 'the content id is not that of a folder');
    }
  }

  async #linkAt(root: Cid, path: string, signal: AbortSignal | undefined): Promise<Link | null> {
    let link: Link | null = linkTo(root);
    for (const segment of path.split('/')) {
      const entries: readonly Link[] | null = await this.#entries(link.cid, signal);
      link = entries?.find(({ name }) => name === segment) ?? null;
      if (link === null) return null;
    }
    return link;
  }

  async *#walk(folder: Cid, at: string, signal: AbortSignal | undefined): AsyncIterable<ObjectInfo> {
    const entries = ((await this.#entries(folder, signal)) ?? []).filter(({ name }) => isObjectName(at + name));
    for (let start = 0; start < entries.length; start += BLOCKS_AT_ONCE) {
      const some = entries.slice(start, start + BLOCKS_AT_ONCE);
      const found = await Promise.all(some.map((link) => this.#object(at + link.name, link, signal)));
      for (const [i, link] of some.entries()) {
        const object = found[i] ?? null;
        if (object === null) yield* this.#walk(link.cid, `${at}${link.name}/`, signal);
        else yield { name: object.name, sizeBytes: object.sizeBytes };
        signal?.throwIfAborted();
      }
    }
  }

  /** `null`: what the link leads to is no file. A raw block is not read: its size is in the link. */
  async #object(name: ObjectName, link: Link, signal: AbortSignal | undefined): Promise<StoredObject | null> {
    if (link.cid.codec === RAW) return { name, cid: link.cid, sizeBytes: link.sizeBytes };
    const node = await this.#node(link.cid, signal);
    return node.kind === 'file' ? { name, cid: link.cid, sizeBytes: node.sizeBytes } : null;
  }

  /** `null`: no folder. */
  async #entries(cid: Cid, signal: AbortSignal | undefined): Promise<readonly Link[] | null> {
    if (cid.codec === RAW) return null;
    const node = await this.#node(cid, signal);
    if (node.kind === 'folder') return node.links;
    return node.kind === 'folder-part' ? this.#spread(node, FOLDER_LEVELS_MAX, signal) : null;
  }

  /** A folder over several nodes: links begin with the slot in hexadecimal, and those with nothing behind it lead on. */
  async #spread(node: DagNode, levels: number, signal: AbortSignal | undefined): Promise<readonly Link[]> {
    if (levels === 0) throw new ValenceError('format/malformed', 'a folder of IPFS is nested too deep');
    const digits = (node.fanout - 1).toString(16).length;
    const found: Link[] = [];
    for (let start = 0; start < node.links.length; start += BLOCKS_AT_ONCE) {
      const some = node.links.slice(start, start + BLOCKS_AT_ONCE);
      const expanded = some.map(async (link) => {
        const name = link.name.slice(digits);
        if (name !== '') return [{ ...link, name }];
        return this.#spread(await this.#node(link.cid, signal), levels - 1, signal);
      });
      found.push(...(await Promise.all(expanded)).flat());
    }
    return found;
  }

  async *#content(cid: Cid, levels: number, signal: AbortSignal | undefined): AsyncIterable<Uint8Array> {
    if (cid.codec === RAW) {
      yield await this.#blocks.get(cid, signal);
      return;
    }
    const node = await this.#node(cid, signal);
    if (node.kind !== 'file' || levels === 0) throw new ValenceError('format/malformed', 'a file of IPFS is malformed');
    yield node.data;
    for (const link of node.links) yield* this.#content(link.cid, levels - 1, signal);
  }

  async #node(cid: Cid, signal: AbortSignal | undefined): Promise<DagNode> {
    return decodeNode(await this.#blocks.get(cid, signal));
  }

  #tooLarge(name: ObjectName): ValenceError {
    return new ValenceError('backend/unavailable', `object ${name} is too large to be one of ours`, {
      context: { transient: false },
    });
  }
}

function linkTo(cid: Cid): Link {
  return { name: '', cid, sizeBytes: 0 };
}
