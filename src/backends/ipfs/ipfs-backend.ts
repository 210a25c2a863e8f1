import { equalBytes } from '../../core/bytes.ts';
import { invariant } from '../../core/errors.ts';
import type { Backend, BackendTraits, CallOptions, GetOptions, ObjectInfo, ObjectName } from '../backend.ts';
import { backendError } from '../backend-error.ts';
import { checkObjectName, checkPrefix } from '../object-name.ts';
import { checkRange } from '../object-range.ts';
import type { Cid } from './cid.ts';
import { cidText, sameCid } from './cid.ts';
import type { StoredObject } from './folder-tree.ts';
import type { FolderEntry } from './folder-entries.ts';
import { FolderEntries } from './folder-entries.ts';
import { FolderTree } from './folder-tree.ts';
import type { KuboNode } from './kubo-node.ts';
import { cidOfObject } from './object-layout.ts';
import type { OpenPinningService } from './remote-pins.ts';
import type { PinnedState, PinningReport, Publication } from './publication.ts';
import { announce, pinEverywhere, pinStates } from './publication.ts';
import { ipfsError, saysThat } from './rpc-error.ts';
import { Turns } from '../turns.ts';
import type { VerifiedBlocks } from './verified-blocks.ts';

/** Where names lead to content ids: a folder of a node, which changes, or one state of it, which can only be read. */
export type NameOrigin = NodeFolder | { readonly root: Cid };

export interface NodeFolder {
  readonly node: KuboNode;
  /** Absolute path in MFS. */
  readonly folder: string;
  readonly services: readonly OpenPinningService[];
  readonly ipns?: string | undefined;
}

export interface IpfsParts {
  readonly name: string;
  readonly location: string;
  readonly names: NameOrigin;
  readonly blocks: VerifiedBlocks;
  readonly warnings: readonly string[];
}

const MIB = 1024 * 1024;
/** A guard for the reader's memory; the largest object, a manifest or segment, stays below (FORMAT.md §11). */
const OBJECT_BYTES_MAX = 16 * MIB;
/** The node writes to one disk; more at once only wait there. It also refuses to leave 256 entries unflushed. */
const CALLS_AT_ONCE = 8;
/** For taking back what a failed put has left: the next put of the name waits for it. */
const CLEAR_UP_MS = 10_000;
const NOT_A_FOLDER = /file already exists|not a directory/;
/** Pinned under this name at services is whatever holds this very file, which is different at each holder. */
const HOLDER_FILE = 'valence.json';

/**
 * Objects as blocks of IPFS, pinned, under their names in a folder of the node's file system (MFS). A shard is one raw
 * block, and its content id is its name in another spelling. `openIpfs` makes it.
 */
export class IpfsBackend implements Backend {
  readonly location: string;
  /** What this node, as it is configured, does not keep of the contract; one sentence each. */
  readonly warnings: readonly string[];
  readonly #name: string;
  readonly #names: NameOrigin;
  readonly #tree: FolderTree;
  readonly #turns = new Turns();
  readonly #entries: FolderEntries;

  constructor({ name, location, names, blocks, warnings }: IpfsParts) {
    this.location = location;
    this.warnings = warnings;
    this.#name = name;
    this.#names = names;
    this.#tree = new FolderTree(blocks, OBJECT_BYTES_MAX);
    this.#entries = new FolderEntries({
      enter: (entry) => this.#enter(entry),
      flush: () => this.#flush(),
      isThere: (entry) => this.#isThere(entry),
      lost: ({ name: object }) =>
        backendError('backend/unavailable', this.#failed('put', object), 'the node took the name and lost it'),
    });
  }

  get traits(): BackendTraits {
    return {
      maxObjectBytes: OBJECT_BYTES_MAX,
      rangeReads: true,
      conditionalPut: true,
      objectLock: false,
      maxConcurrency: CALLS_AT_ONCE,
    };
  }

  /** That what it reads from can be read. @throws `backend/unavailable`, `backend/denied` */
  async check({ signal }: CallOptions = {}): Promise<void> {
    await this.#call('open', '', signal, async () => {
      const root = await this.#root(signal);
      if (root !== null) await this.#tree.checkFolder(root, signal);
    });
  }

  async put(name: ObjectName, body: Uint8Array, { signal }: CallOptions = {}): Promise<void> {
    checkObjectName(name);
    invariant(body.length <= OBJECT_BYTES_MAX, `object of ${body.length} bytes is above the backend's maximum`);
    await this.#call('put', name, signal, () => this.#turns.take(name, signal, () => this.#put(name, body, signal)));
  }

  async get(name: ObjectName, { range, signal }: GetOptions = {}): Promise<Uint8Array> {
    checkObjectName(name);
    checkRange(range);
    return this.#call('get', name, signal, async () => {
      const object = await this.#find(name, signal);
      if (object === null) throw backendError('backend/not-found', this.#failed('get', name), 'no such object');
      const { offset, length } = range ?? { offset: 0, length: object.sizeBytes };
      if (offset + length > object.sizeBytes) {
        const reason = `bytes ${offset} to ${offset + length} of ${object.sizeBytes}`;
        throw backendError('backend/invalid-range', this.#failed('get', name), reason);
      }
      // Whole, since the hash is that of the whole; the last blocks are kept at hand for the next range.
      const bytes = await this.#tree.read(object, signal);
      return range === undefined ? bytes : Uint8Array.from(bytes.subarray(offset, offset + length));
    });
  }

  async stat(name: ObjectName, { signal }: CallOptions = {}): Promise<ObjectInfo | null> {
    checkObjectName(name);
    const object = await this.#call('stat', name, signal, () => this.#find(name, signal));
    return object === null ? null : { name, sizeBytes: object.sizeBytes };
  }

  async *list(prefix: string, { signal }: CallOptions = {}): AsyncIterable<ObjectInfo> {
    checkPrefix(prefix);
    const root = await this.#call('list', prefix, signal, () => this.#root(signal));
    if (root === null) return;
    const objects = this.#tree.list(root, prefix, signal)[Symbol.asyncIterator]();
    for (;;) {
      const next = await this.#call('list', prefix, signal, () => objects.next());
      if (next.done === true) return;
      yield next.value;
    }
  }

  async delete(name: ObjectName, { signal }: CallOptions = {}): Promise<void> {
    checkObjectName(name);
    const { node } = this.#writable('delete');
    await this.#call('delete', name, signal, () =>
      this.#turns.take(name, signal, async () => {
        const object = await this.#find(name, signal);
        if (object === null) return;
        await this.#entries.change(() => node.remove(this.#path(name), signal));
        // If another name has the same content, its entry in the folder still keeps that from `ipfs repo gc`.
        await node.unpin(object.cid, signal);
      }),
    );
  }

  /** The content id of the newest state, from which everything in it can be read. @throws `backend/not-found` when empty */
  async root({ signal }: CallOptions = {}): Promise<string> {
    return this.#call('stat', '', signal, async () => cidText(await this.#existingRoot(signal)));
  }

  /**
   * Announces the newest state under the IPNS key and asks the pinning services to keep it, as far as there are any.
   * What fails there is told and not thrown, and tried again the next time. To be called when a run has ended.
   */
  async publish({ signal }: CallOptions = {}): Promise<Publication> {
    const { node, services, ipns } = this.#writable('publish');
    return this.#call('publish', '', signal, async () => {
      const state = await this.#state(signal);
      const [announced, pinning] = await Promise.all([
        ipns === undefined ? null : announce(node, { root: state.root, key: ipns }, signal),
        pinEverywhere(services, node, state, signal),
      ]);
      return { root: cidText(state.root), ipns: announced, pinning };
    });
  }

  /** How far the pinning services are with the newest state; asks them for nothing new. */
  async pinning({ signal }: CallOptions = {}): Promise<PinningReport> {
    const { services } = this.#writable('publish');
    return this.#call('publish', '', signal, async () => pinStates(services, await this.#state(signal), signal));
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async #put(name: ObjectName, body: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    const { node } = this.#writable('put');
    const cid = cidOfObject(body);
    let isNamed = false;
    try {
      // Pinned from the start, so that no garbage collection comes between the block and its name.
      const stored = await node.place(body, signal);
      if (!sameCid(stored, cid)) {
        const reason = `the node stored ${cidText(stored)} instead of ${cidText(cid)}`;
        throw backendError('backend/unavailable', this.#failed('put', name), reason, { transient: false });
      }
      signal?.throwIfAborted();
      // Whoever wrote an equal object may have been stopped before its flush, so that is done for either.
      isNamed = (await this.#entries.enter({ name, cid, signal })) || (await this.#keepsEqual(name, body, cid, signal));
    } finally {
      if (!isNamed) await this.#giveUp(node, name, cid);
    }
  }

  async #flush(): Promise<void> {
    const { node, folder } = this.#writable('put');
    await node.flush(folder);
  }

  async #isThere({ name, cid, signal }: FolderEntry): Promise<boolean> {
    const object = await this.#find(name, signal);
    return object !== null && sameCid(object.cid, cid);
  }

  async #enter({ name, cid, signal }: FolderEntry): Promise<boolean> {
    const { node } = this.#writable('put');
    try {
      return await node.enter(cid, this.#path(name), signal);
    } catch (error) {
      if (!saysThat(error, NOT_A_FOLDER)) throw error;
      const reason = 'an object has the name of one of its folders';
      throw backendError('backend/unavailable', this.#failed('put', name), reason, { transient: false, cause: error });
    }
  }

  /** @throws `backend/already-exists` if what has the name is something else */
  async #keepsEqual(name: ObjectName, body: Uint8Array, cid: Cid, signal: AbortSignal | undefined): Promise<true> {
    const object = await this.#find(name, signal);
    if (object !== null && sameCid(object.cid, cid)) {
      await this.#writable('put').node.mend(body, signal);
      return true;
    }
    // What somebody else put there may be cut into other blocks, and so have another content id.
    if (object?.sizeBytes === body.length && equalBytes(await this.#tree.read(object, signal), body)) return true;
    throw backendError('backend/already-exists', this.#failed('put', name), 'the object exists with other content', {
      hint: 'the names of objects are never used again; check that no other vault is kept there',
    });
  }

  /** Nothing is kept of a put that failed; what cannot be taken back is a pinned block without a name. */
  async #giveUp(node: KuboNode, name: ObjectName, cid: Cid): Promise<void> {
    const limit = AbortSignal.timeout(CLEAR_UP_MS);
    try {
      const object = await this.#find(name, limit);
      if (object === null || !sameCid(object.cid, cid)) await node.unpin(cid, limit);
    } catch {
      // The failure of the put says more than that of clearing up after it.
    }
  }

  async #state(signal: AbortSignal | undefined): Promise<PinnedState> {
    const holder = await this.#find(HOLDER_FILE, signal);
    const root = await this.#existingRoot(signal);
    return { root, pinName: `valence-${cidText(holder?.cid ?? root)}` };
  }

  async #find(name: ObjectName, signal: AbortSignal | undefined): Promise<StoredObject | null> {
    const root = await this.#root(signal);
    return root === null ? null : this.#tree.find(root, name, signal);
  }

  async #existingRoot(signal: AbortSignal | undefined): Promise<Cid> {
    const root = await this.#root(signal);
    if (root !== null) return root;
    throw backendError('backend/not-found', this.#failed('stat'), 'nothing has been stored yet');
  }

  /** `null`: nothing has been stored yet. */
  async #root(signal: AbortSignal | undefined): Promise<Cid | null> {
    if ('root' in this.#names) return this.#names.root;
    return this.#names.node.folder(this.#names.folder, signal);
  }

  /** @throws `backend/denied` where only one state is open */
  #writable(operation: string): NodeFolder {
    if (!('root' in this.#names)) return this.#names;
    throw backendError(
      'backend/denied',
      this.#failed(operation),
      'what was opened by its content id can only be read',
      {
        hint: 'open the folder of the node instead',
      },
    );
  }

  #path(name: ObjectName): string {
    return `${this.#writable('put').folder}/${name}`;
  }

  #failed(operation: string, object?: ObjectName): { backend: string; operation: string; object: string | undefined } {
    return { backend: this.#name, operation, object };
  }

  /** An abort is answered at once, whatever the node is doing. */
  async #call<T>(
    operation: string,
    object: string,
    signal: AbortSignal | undefined,
    act: () => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted();
    const aborted = Promise.withResolvers<never>();
    const abort = (): void => aborted.reject(signal?.reason as Error);
    signal?.addEventListener('abort', abort, { once: true });
    try {
      return await Promise.race([act(), aborted.promise]);
    } catch (error) {
      signal?.throwIfAborted();
      throw ipfsError(error, this.#failed(operation, object));
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }
}
