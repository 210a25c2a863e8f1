import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect, createServer } from 'node:net';

/** A way to a server on loopback that can be cut. */
export interface CuttingProxy extends AsyncDisposable {
  readonly port: number;
  /** Connections made through it so far. */
  connections(): number;
  /** Resets the connections once this many more bytes went to the server (`up`) or came from it (`down`). */
  cutAfter(bytes: number, direction: 'up' | 'down'): void;
  /** Passes nothing on any more, and says nothing. */
  freeze(): void;
}

export async function cuttingProxy(serverPort: number): Promise<CuttingProxy> {
  const sockets = new Set<Socket>();
  const left = { up: Number.POSITIVE_INFINITY, down: Number.POSITIVE_INFINITY };
  let count = 0;
  const pass = (from: Socket, to: Socket, direction: 'up' | 'down'): void => {
    sockets.add(from);
    from.on('error', () => undefined);
    from.on('close', () => {
      sockets.delete(from);
      to.destroy();
    });
    from.on('data', (data: Buffer) => {
      const some = data.subarray(0, left[direction]);
      left[direction] -= data.length;
      to.write(some);
      if (left[direction] > 0) return;
      left[direction] = Number.POSITIVE_INFINITY;
      for (const socket of sockets) socket.resetAndDestroy();
    });
  };
  const server = createServer((client) => {
    count += 1;
    const upstream = connect(serverPort, '127.0.0.1');
    pass(client, upstream, 'up');
    pass(upstream, client, 'down');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    connections: () => count,
    cutAfter(bytes, direction) {
      left[direction] = bytes;
    },
    freeze() {
      for (const socket of sockets) socket.pause();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
