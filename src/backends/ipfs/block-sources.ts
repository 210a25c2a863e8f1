import { cidText } from './cid.ts';
import type { KuboNode } from './kubo-node.ts';
import type { BlockSource } from './verified-blocks.ts';

/** A gateway that has to find the block first may take a while. */
const GATEWAY_MS = 30_000;
/** No peer passes on larger blocks. */
const BLOCK_BYTES_MAX = 2 * 1024 * 1024;
/** Statuses by which a gateway says that it has not got the block, or may not give it. */
const NOT_GIVEN: readonly number[] = [404, 410, 451];

/** What the node holds itself; the network is not asked. */
export function localBlocks(node: KuboNode): BlockSource {
  return { name: 'the node', read: (cid, signal) => node.localBlock(cid, signal) };
}

/** What the node finds at its peers. */
export function networkBlocks(node: KuboNode): BlockSource {
  return { name: 'the network of the node', read: (cid, signal) => node.remoteBlock(cid, signal) };
}

/** A trustless gateway: https://specs.ipfs.tech/http-gateways/trustless-gateway/ */
export function gatewayBlocks(gateway: URL): BlockSource {
  const base = gateway.href.replace(/\/+$/, '');
  return {
    name: `gateway ${gateway.host}`,
    async read(cid, signal) {
      const limit = AbortSignal.timeout(GATEWAY_MS);
      const response = await fetch(`${base}/ipfs/${cidText(cid)}?format=raw`, {
        headers: { accept: 'application/vnd.ipld.raw' },
        signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
      });
      if (response.ok) return readAtMost(response, BLOCK_BYTES_MAX);
      await response.body?.cancel();
      if (NOT_GIVEN.includes(response.status)) return null;
      throw new Error(`the gateway answers ${response.status}`);
    },
  };
}

/** A longer body is cut off after the limit, which no hash survives. */
async function readAtMost(response: Response, limit: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  const body: AsyncIterable<Uint8Array> = response.body ?? ReadableStream.from<Uint8Array>([]);
  for await (const piece of body) {
    pieces.push(piece);
    length += piece.length;
    if (length > limit) break;
  }
  return Buffer.concat(pieces);
}
