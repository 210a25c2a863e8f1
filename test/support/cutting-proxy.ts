import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect, createServer } from 'node:net';

type Direction = 'up' | 'down';

/** A way to a server on loopback that can be cut. */
export interface CuttingProxy extends AsyncDisposable {
  readonly port: number;
  /** Connections made through it so far. */
  connections(): number;
  /** Calls `act` once this many more bytes went to the server (`up`) or came from it (`down`); those are passed on. */
  after(bytes: number, direction: Direction, act: () => void): void;
  /** Calls nothing any more that has not been called yet. */
  disarm(): void;
  /** Resets the connections that are open. */
  readonly cut: () => void;
  /** Passes nothing on any more on the connections that are open, and says nothing. */
  readonly freeze: () => void;
}

export async function cuttingProxy(serverPort: number): Promise<CuttingProxy> {
  const sockets = new Set<Socket>();
  const triggers: { left: number; readonly direction: Direction; readonly act: () => void }[] = [];
  let count = 0;
  const passed = (data: Buffer, direction: Direction): { now: Buffer; act: (() => void) | null } => {
    const trigger = triggers.find((one) => one.direction === direction);
    if (trigger === undefined || trigger.left > data.length) {
      if (trigger !== undefined) trigger.left -= data.length;
      return { now: data, act: null };
    }
    triggers.splice(triggers.indexOf(trigger), 1);
    return { now: data.subarray(0, trigger.left), act: trigger.act };
  };
  const pass = (from: Socket, to: Socket, direction: Direction): void => {
    sockets.add(from);
    from.on('error', () => undefined);
    from.on('close', () => {
      sockets.delete(from);
      to.destroy();
    });
    from.on('data', (data: Buffer) => {
      const { now, act } = passed(data, direction);
      to.write(now);
      act?.();
      if (!to.destroyed) to.write(data.subarray(now.length));
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
    after: (left, direction, act) => void triggers.push({ left, direction, act }),
    disarm: () => void triggers.splice(0),
    cut() {
      for (const socket of sockets) socket.resetAndDestroy();
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
