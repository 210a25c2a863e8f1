import { ValenceError, isValenceError } from '../../core/errors.ts';
import { gatewayBlocks, localBlocks, networkBlocks } from './block-sources.ts';
import type { Cid } from './cid.ts';
import { cidText, parseCid } from './cid.ts';
import type { IpfsParts } from './ipfs-backend.ts';
import { IpfsBackend } from './ipfs-backend.ts';
import { checkAnswers, checkedUrl, nodeAt, nodeWarnings } from './node-connection.ts';
import type { KuboNode } from './kubo-node.ts';
import type { PinningService } from './remote-pins.ts';
import { openPinningService } from './remote-pins.ts';
import { ipfsError } from './rpc-error.ts';
import type { BlockSource } from './verified-blocks.ts';
import { VerifiedBlocks } from './verified-blocks.ts';

export interface IpfsOptions {
  /** How errors call this backend. */
  readonly name: string;
  /** URL of the node's RPC; `http://127.0.0.1:5001` if not given. */
  readonly api?: string | undefined;
  /** As in Kubo's API.Authorizations: `bearer:TOKEN` or `basic:USER:PASSWORD`. A secret. */
  readonly auth?: string | undefined;
  /** Allow an RPC over http that is not on this machine. */
  readonly plainHttp?: boolean | undefined;
  /** Where the objects are in the node's file system (MFS), which no two vaults share; `/valence` if not given. */
  readonly folder?: string | undefined;
  /**
   * Read what is below this instead of the folder, and write nothing: a content id, an IPNS name (`k51…`, or a domain),
   * or a path `/ipfs/…` or `/ipns/…` of one.
   */
  readonly root?: string | undefined;
  /** URL of a trustless gateway, asked for blocks that the node has not got. */
  readonly gateway?: string | undefined;
  /** Services that are asked to keep what was published. */
  readonly pinning?: readonly PinningService[] | undefined;
  /** Name of the node's key under which `publish` announces the newest root; made when the node has none of that name. */
  readonly ipns?: string | undefined;
}

const DEFAULT_API = 'http://127.0.0.1:5001';
const DEFAULT_FOLDER = '/valence';
const FOLDER = /^(\/[A-Za-z0-9][A-Za-z0-9._-]*)+$/;

/**
 * A Kubo node as a backend; with `root` and a gateway the node may be missing.
 * @throws `config/invalid` for options that cannot be used, `backend/unavailable` or `backend/denied` when the node
 * does not answer, or nobody has the root
 */
export async function openIpfs(options: IpfsOptions): Promise<IpfsBackend> {
  const { name, api = DEFAULT_API, auth, plainHttp = false, root } = options;
  const gateway = options.gateway === undefined ? null : checkedUrl(name, 'gateway', options.gateway);
  const node = await nodeAt({ name, api, auth, plainHttp });
  try {
    const parts =
      root === undefined ? await folderOf(node, gateway, options) : await stateAt(node, gateway, name, root);
    const backend = new IpfsBackend({ name, ...parts });
    await backend.check();
    return backend;
  } catch (error) {
    throw ipfsError(error, { backend: name, operation: 'open' });
  }
}

type Opened = Omit<IpfsParts, 'name'>;

async function folderOf(node: KuboNode, gateway: URL | null, options: IpfsOptions): Promise<Opened> {
  const { name, folder = DEFAULT_FOLDER, pinning = [], ipns } = options;
  if (!FOLDER.test(folder)) throw invalid(name, 'folder must be a path in the node such as /valence');
  const services = pinning.map((service) => openPinningService(name, service));
  await checkAnswers(node);
  return {
    location: `ipfs ${new URL(options.api ?? DEFAULT_API).host}${folder}`,
    names: { node, folder, services, ipns },
    // The network is searched only where somebody else is expected to have a block that the node lost.
    blocks: new VerifiedBlocks(sources(node, gateway, services.length > 0)),
    warnings: await nodeWarnings(node, name),
  };
}

async function stateAt(kubo: KuboNode, gateway: URL | null, name: string, text: string): Promise<Opened> {
  const node = (await answers(kubo, gateway !== null)) ? kubo : null;
  const root = await resolveRoot(node, name, text);
  const blocks = new VerifiedBlocks(sources(node, gateway, true));
  return { location: `ipfs /ipfs/${cidText(root)}`, names: { root }, blocks, warnings: [] };
}

async function answers(node: KuboNode, mayBeAway: boolean): Promise<boolean> {
  try {
    await checkAnswers(node);
    return true;
  } catch (error) {
    if (mayBeAway) return false;
    throw error;
  }
}

/** The nearest first. */
function sources(node: KuboNode | null, gateway: URL | null, searches: boolean): readonly BlockSource[] {
  return [
    ...(node === null ? [] : [localBlocks(node)]),
    ...(gateway === null ? [] : [gatewayBlocks(gateway)]),
    ...(node === null || !searches ? [] : [networkBlocks(node)]),
  ];
}

/** @throws `config/invalid` for what is neither; what the RPC client throws for an IPNS name that nobody resolves */
async function resolveRoot(node: KuboNode | null, name: string, text: string): Promise<Cid> {
  const [, kind, id = text] = /^(?:\/|)(ipfs|ipns)(?::\/\/|\/)([^/]+)\/?$/.exec(text) ?? [];
  const cid = kind === 'ipns' ? null : cidOrNull(id);
  if (cid !== null) return cid;
  if (kind === 'ipfs') throw invalid(name, 'root is not a content id of IPFS');
  if (node === null) throw invalid(name, 'an IPNS name needs a node to resolve it; name the content id instead');
  return node.resolve(id);
}

function cidOrNull(text: string): Cid | null {
  try {
    return parseCid(text);
  } catch (error) {
    if (isValenceError(error, 'format/malformed')) return null;
    throw error;
  }
}

function invalid(name: string, what: string): ValenceError {
  return new ValenceError('config/invalid', `backend ${name}: ${what}`, {
    context: { backend: name, operation: 'open' },
  });
}
