import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:http';

/** A request as a test sees it. */
export interface HeardRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: URL;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface SaidAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

export interface LoopbackHttp extends AsyncDisposable {
  readonly url: string;
}

/** A server on loopback that answers as the test says; what the test throws becomes a 599. */
export async function answerHttp(
  answer: (request: HeardRequest) => SaidAnswer | Promise<SaidAnswer>,
): Promise<LoopbackHttp> {
  const server = createServer((incoming, outgoing) => {
    const heard = async (): Promise<SaidAnswer> => {
      const pieces: Buffer[] = [];
      for await (const piece of incoming) pieces.push(piece as Buffer);
      const url = new URL(incoming.url ?? '/', 'http://127.0.0.1');
      const body = Buffer.concat(pieces).toString();
      return answer({ method: incoming.method ?? '', url, headers: incoming.headers, body });
    };
    heard()
      .catch((error: unknown): SaidAnswer => ({ status: 599, body: String(error) }))
      .then(({ status, headers, body }) => outgoing.writeHead(status, headers).end(body))
      .catch(() => outgoing.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
