import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';

/** A door in front of a server: what goes through it arrives there, until it is shut. */
export interface Gate extends AsyncDisposable {
  readonly port: number;
  /** From now on nobody gets in, and who is inside is thrown out: the server is gone as far as anyone can tell. */
  shut(): void;
  open(): void;
}

export async function openGate(target: number): Promise<Gate> {
  const inside = new Set<Socket>();
  let isShut = false;
  const server = createServer((visitor) => {
    if (isShut) return void visitor.resetAndDestroy();
    const host = connect(target, '127.0.0.1');
    for (const [from, to] of [
      [visitor, host],
      [host, visitor],
    ] as const) {
      inside.add(from);
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        inside.delete(from);
        to.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const leave = (): void => {
    for (const socket of inside) socket.resetAndDestroy();
  };
  return {
    port: address.port,
    shut() {
      isShut = true;
      leave();
    },
    open() {
      isShut = false;
    },
    async [Symbol.asyncDispose]() {
      leave();
      server.close();
      await once(server, 'close');
    },
  };
}
