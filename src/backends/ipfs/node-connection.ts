import { ValenceError } from '../../core/errors.ts';
import { backendError } from '../backend-error.ts';
import { KuboNode } from './kubo-node.ts';
import { messageOf } from './rpc-error.ts';

/** The connection to a Kubo node, and what its configuration says about keeping what it is given. */

const CONNECT_MS = 10_000;

export interface NodeAddress {
  /** How errors call the backend. */
  readonly name: string;
  readonly api: string;
  readonly auth?: string | undefined;
  readonly plainHttp: boolean;
}

/** Asks nothing of the node yet. @throws `config/invalid` */
export async function nodeAt({ name, api, auth, plainHttp }: NodeAddress): Promise<KuboNode> {
  const url = checkedUrl(name, 'api', api);
  if (!isPrivate(url) && !plainHttp) {
    throw new ValenceError('config/invalid', `backend ${name}: the RPC at ${url.host} would be reached in the clear`, {
      hint:
        'whoever reaches the RPC owns the node: use https with `auth`, or a tunnel to 127.0.0.1; ' +
        'in a network that is yours alone, set plain-http: true',
      context: { backend: name, operation: 'open' },
    });
  }
  return KuboNode.at(url.href, auth === undefined ? {} : { authorization: authorization(auth) });
}

/** That a node answers. @throws what the RPC client does */
export async function checkAnswers(node: KuboNode): Promise<void> {
  await node.version(AbortSignal.timeout(CONNECT_MS));
}

/**
 * What this node, as it is configured, does not keep of the contract, one sentence each; also where the key may not read
 * the configuration. @throws `backend/unavailable` for a hash function whose content ids are not ours
 */
export async function nodeWarnings(node: KuboNode, name: string): Promise<readonly string[]> {
  let config: NodeConfig;
  try {
    config = (await node.configuration(AbortSignal.timeout(CONNECT_MS))) as NodeConfig;
  } catch (error) {
    return [`the configuration of the node cannot be read (${messageOf(error)}), so nobody knows whether it syncs`];
  }
  const hash = config.Import?.HashFunction ?? 'sha2-256';
  if (hash !== 'sha2-256') {
    const reason = `the node is configured to name content by ${hash}`;
    const hint = 'unset Import.HashFunction: content ids must be by sha2-256';
    throw backendError('backend/unavailable', { backend: name, operation: 'open' }, reason, { hint, transient: false });
  }
  const mounts = config.Datastore?.Spec?.mounts ?? [];
  const isUnsynced = mounts.some(({ type, child, sync }) => (child?.sync ?? sync) === false && type !== 'levelds');
  if (!isUnsynced) return [];
  return [
    'the node does not fsync its blocks (Datastore.Spec, "sync": false, which is how Kubo comes): ' +
      'a power cut can lose what was just stored',
  ];
}

/** An URL of the configuration. @throws `config/invalid`; the text is not repeated, as it may hold a password */
export function checkedUrl(backend: string, key: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isUsable = url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
  if (isUsable) return url;
  throw new ValenceError(
    'config/invalid',
    `backend ${backend}: ${key} is not a URL of http or https without a password`,
    {
      hint: 'for example http://127.0.0.1:5001; a secret goes into its own key',
      context: { backend, operation: 'open' },
    },
  );
}

/** Whether what is sent there stays on this machine or is encrypted. */
export function isPrivate(url: URL): boolean {
  return url.protocol === 'https:' || isLoopback(url);
}

export function isLoopback({ hostname }: URL): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname);
}

/** The part of `ipfs config show` that is looked at. */
interface NodeConfig {
  readonly Import?: { readonly HashFunction?: string | null };
  readonly Datastore?: { readonly Spec?: { readonly mounts?: readonly Mount[] } };
}

interface Mount {
  readonly type?: string;
  readonly sync?: boolean;
  readonly child?: { readonly sync?: boolean };
}

/** In the form of Kubo's own API.Authorizations: `bearer:TOKEN`, `basic:USER:PASSWORD`, or a bare token. */
function authorization(auth: string): string {
  if (auth.startsWith('basic:')) return `Basic ${Buffer.from(auth.slice(6)).toString('base64')}`;
  return `Bearer ${auth.startsWith('bearer:') ? auth.slice(7) : auth}`;
}
