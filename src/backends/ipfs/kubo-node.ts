import type * as KuboLibrary from 'kubo-rpc-client';
import type { KuboRPCClient } from 'kubo-rpc-client';
import { ValenceError } from '../../core/errors.ts';
import type { Cid } from './cid.ts';
import { cidText, parseCid } from './cid.ts';
import { BLOCK_BYTES, cidOfObject, isBlock, leavesOf } from './object-layout.ts';
import { saysThat } from './rpc-error.ts';

type Library = typeof KuboLibrary;

/** What the library's calls take; it wants no `signal` rather than an undefined one. */
interface CallTime {
  readonly signal?: AbortSignal;
}

const NETWORK_MS = 30_000;
/** It writes some small nodes; many calls wait for one, so none of theirs may end it. */
const FLUSH_MS = 60_000;
const NOT_THERE = /not found|could not find/i;
const NO_ENTRY = /does not exist/;
const ENTRY_EXISTS = /already has entry by that name/;
const NOT_PINNED = /not pinned/;

/**
 * The calls of Kubo's RPC that we use, in our own terms; all else of the library stays behind it. Methods throw what the
 * library throws, which `ipfsError` tells as an error of the backend.
 * https://docs.ipfs.tech/reference/kubo/rpc/
 */
export class KuboNode {
  readonly #library: Library;
  readonly #client: KuboRPCClient;

  private constructor(library: Library, client: KuboRPCClient) {
    this.#library = library;
    this.#client = client;
  }

  /** Asks nothing of the node yet. The library is loaded here and not before. */
  static async at(url: string, headers: Readonly<Record<string, string>>): Promise<KuboNode> {
    const library = await import('kubo-rpc-client');
    return new KuboNode(library, library.create({ url, headers: { ...headers } }));
  }

  async version(signal?: AbortSignal): Promise<string> {
    return (await this.#client.version(during(signal))).version;
  }

  /** Without the node's private key. */
  async configuration(signal?: AbortSignal): Promise<unknown> {
    return this.#client.config.getAll(during(signal));
  }

  /** What the node holds itself; `null` if it does not. */
  async localBlock(cid: Cid, signal?: AbortSignal): Promise<Uint8Array | null> {
    try {
      return await this.#client.block.get(this.#cid(cid), { ...during(signal), ...{ offline: true } });
    } catch (error) {
      if (saysThat(error, NOT_THERE)) return null;
      throw error;
    }
  }

  /** What the node finds at its peers in half a minute; it then keeps a copy that it may throw away. */
  async remoteBlock(cid: Cid, signal?: AbortSignal): Promise<Uint8Array> {
    return this.#client.block.get(this.#cid(cid), { ...during(signal), timeout: NETWORK_MS });
  }

  /** Stores an object's blocks, pinned in the same step. Gives the content id that the node computed. */
  async place(body: Uint8Array, signal?: AbortSignal): Promise<Cid> {
    if (body.length <= BLOCK_BYTES) {
      const codec = { 'cid-codec': 'raw', mhtype: 'sha2-256' };
      return this.#ours(await this.#client.block.put(body, { ...during(signal), ...codec, pin: true }));
    }
    const { cid } = await this.#client.add(body, {
      ...during(signal),
      cidVersion: 1,
      hashAlg: 'sha2-256',
      rawLeaves: true,
      chunker: `size-${BLOCK_BYTES}`,
      trickle: false,
      pin: true,
    });
    return this.#ours(cid);
  }

  /** From then on only folders that it is in keep it from garbage collection. What is not pinned stays so. */
  async unpin(cid: Cid, signal?: AbortSignal): Promise<void> {
    try {
      await this.#client.pin.rm(this.#cid(cid), during(signal));
    } catch (error) {
      if (!saysThat(error, NOT_PINNED)) throw error;
    }
  }

  /**
   * Writes the blocks of an object anew that are gone or hold other bytes. Only asking shows that: Kubo does not write what it
   * thinks it has.
   */
  async mend(body: Uint8Array, signal?: AbortSignal): Promise<void> {
    const object = cidOfObject(body);
    const blocks = [object, ...leavesOf(body).map(({ cid }) => cid)];
    const damaged: Cid[] = [];
    for (const cid of blocks) {
      const block = await this.localBlock(cid, signal);
      if (block === null || !isBlock(block, cid)) damaged.push(cid);
    }
    if (damaged.length === 0) return;
    await this.unpin(object, signal);
    const cids = damaged.map((cid) => this.#cid(cid));
    for await (const { error } of this.#client.block.rm(cids, { ...during(signal), force: true })) {
      if (error !== undefined) throw error;
    }
    await this.place(body, signal);
  }

  /** Gives a name to what the node holds, in memory until `flush`. False: the name is taken. */
  async enter(cid: Cid, path: string, signal?: AbortSignal): Promise<boolean> {
    const how = { ...during(signal), ...{ offline: true }, parents: true, flush: false };
    try {
      await this.#client.files.cp(`/ipfs/${cidText(cid)}`, path, how);
      return true;
    } catch (error) {
      if (saysThat(error, ENTRY_EXISTS)) return false;
      throw error;
    }
  }

  /** Takes a name away; Kubo flushes that by itself. */
  async remove(path: string, signal?: AbortSignal): Promise<void> {
    try {
      await this.#client.files.rm(path, during(signal));
    } catch (error) {
      if (!saysThat(error, NO_ENTRY)) throw error;
    }
  }

  /** Everything entered below the folder before this call survives the node's end. */
  async flush(folder: string): Promise<void> {
    await this.#client.files.flush(folder, { signal: AbortSignal.timeout(FLUSH_MS) });
  }

  /** `null`: there is no such folder. */
  async folder(path: string, signal?: AbortSignal): Promise<Cid | null> {
    try {
      return this.#ours((await this.#client.files.stat(path, during(signal))).cid);
    } catch (error) {
      if (saysThat(error, NO_ENTRY)) return null;
      throw error;
    }
  }

  /** The content id that an IPNS name leads to. @throws `backend/not-found` when nobody says */
  async resolve(name: string, signal?: AbortSignal): Promise<Cid> {
    let found = '';
    for await (const path of this.#client.name.resolve(name, { ...during(signal), recursive: true, nocache: true }))
      found = path;
    if (found === '') throw new ValenceError('backend/not-found', `nobody knows where the name ${name} leads`);
    return parseCid(found.replace(/^\/ipfs\//, ''));
  }

  /** Signs a record that the name of this key leads to the content id; makes the key if need be. Gives the IPNS name. */
  async announce(cid: Cid, key: string, signal?: AbortSignal): Promise<string> {
    const keys = await this.#client.key.list(during(signal));
    if (!keys.some(({ name }) => name === key)) {
      await this.#client.key.gen(key, { ...during(signal), type: 'ed25519' });
    }
    // A node that is offline just now keeps the record, and announces it when it is back.
    const how = { ...during(signal), key, resolve: false, allowOffline: true };
    return (await this.#client.name.publish(`/ipfs/${cidText(cid)}`, how)).name;
  }

  /** Addresses under which peers reach the node. */
  async addresses(signal?: AbortSignal): Promise<readonly string[]> {
    return (await this.#client.id(during(signal))).addresses.map(String);
  }

  async connect(address: string, signal?: AbortSignal): Promise<void> {
    await this.#client.swarm.connect(this.#library.multiaddr(address), during(signal));
  }

  #cid(cid: Cid): InstanceType<Library['CID']> {
    return this.#library.CID.parse(cidText(cid));
  }

  #ours(cid: { toString(): string }): Cid {
    return parseCid(cid.toString());
  }
}

function during(signal: AbortSignal | undefined): CallTime {
  return signal === undefined ? {} : { signal };
}
