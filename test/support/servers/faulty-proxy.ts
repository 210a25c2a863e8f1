import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';

/**
 * A TCP proxy on loopback in front of any server, which harms the bytes on their way by plan: what a bad line, a router or
 * a dying server does. It knows no protocol; faulty-http.ts speaks HTTP.
 */

/** What happens to one direction of one connection. Byte counts are from its beginning. */
export type StreamFault =
  /** TCP reset of both sides after so many bytes have passed. */
  | { readonly kind: 'reset'; readonly afterBytes: number }
  /** Nothing passes any more until `release`; the connection stays open. */
  | { readonly kind: 'stall'; readonly afterBytes: number }
  /** This direction ends in good order after so many bytes; the other one goes on. */
  | { readonly kind: 'half-close'; readonly afterBytes: number }
  /** Both directions end in good order after so many bytes, so that a body is too short for its length. */
  | { readonly kind: 'truncate'; readonly afterBytes: number }
  /** From there on so many bytes at a time, `everyMs` apart. */
  | { readonly kind: 'trickle'; readonly afterBytes: number; readonly bytes: number; readonly everyMs: number }
  /** So many bytes do not arrive, and what follows does. */
  | { readonly kind: 'drop'; readonly afterBytes: number; readonly bytes: number }
  /** The bytes from `afterBytes` on, so many of them, arrive twice. */
  | { readonly kind: 'duplicate'; readonly afterBytes: number; readonly bytes: number }
  /** So many bytes arrive after as many that follow them. */
  | { readonly kind: 'reorder'; readonly afterBytes: number; readonly bytes: number }
  /** One bit of the byte at this position is wrong. */
  | { readonly kind: 'flip'; readonly atByte: number }
  /** Every piece arrives so much later. */
  | { readonly kind: 'latency'; readonly ms: number };

export interface ConnectionPlan {
  /** Closed as soon as it is made. */
  readonly refuse?: boolean;
  /** From the client to the server. */
  readonly up?: readonly StreamFault[];
  readonly down?: readonly StreamFault[];
  /** So many bytes for the server wait until it resolves; connections that are given the same one share what it lets pass. */
  readonly turn?: ((bytes: number) => Promise<void>) | undefined;
}

/** The plan of the connection of this number, from 0. `null`: it passes unharmed. */
export type ProxyPlan = (connection: number) => ConnectionPlan | null;

export interface FaultyProxy extends AsyncDisposable {
  readonly port: number;
  /** Connections made so far. */
  readonly connections: number;
  /** Faults that have come into effect so far: their bytes have come by. */
  readonly struck: number;
  /** Connections that are open now. */
  readonly open: number;
  /** May be replaced at any time; holds for connections made afterwards. */
  plan: ProxyPlan;
  /** Lets go on what is stalled. */
  release(): void;
  /** Resets every open connection. */
  cut(): void;
}

export interface ProxyTarget {
  readonly port: number;
  /** 127.0.0.1 unless given. */
  readonly host?: string;
}

/** Listens on a free port of 127.0.0.1. */
export async function startFaultyProxy(target: ProxyTarget, plan: ProxyPlan = () => null): Promise<FaultyProxy> {
  const proxy = new TcpProxy(target, plan);
  await proxy.listen();
  return proxy;
}

class TcpProxy implements FaultyProxy {
  plan: ProxyPlan;
  connections = 0;
  struck = 0;
  readonly #target: ProxyTarget;
  readonly #sockets = new Set<Socket>();
  readonly #releases: (() => void)[] = [];
  // Half-open: one direction may end before the other.
  readonly #server = createServer({ allowHalfOpen: true }, (client) => this.#accept(client));

  constructor(target: ProxyTarget, plan: ProxyPlan) {
    this.#target = target;
    this.plan = plan;
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get open(): number {
    return this.#sockets.size >> 1;
  }

  release(): void {
    for (const release of this.#releases.splice(0)) release();
  }

  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.release();
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(client: Socket): void {
    const plan = this.plan(this.connections++) ?? {};
    if (plan.refuse === true) return void client.resetAndDestroy();
    const server = connect({ port: this.#target.port, host: this.#target.host ?? '127.0.0.1', allowHalfOpen: true });
    const pair = [client, server] as const;
    for (const socket of pair) {
      socket.setNoDelay(true);
      this.#sockets.add(socket);
      // A side that broke breaks the other one as well; the proxy itself never fails.
      socket.on('error', () => pair.forEach((each) => each.resetAndDestroy()));
      socket.on('close', () => this.#sockets.delete(socket));
    }
    const strike = (): void => void (this.struck += 1);
    const stalled = (): Promise<void> => new Promise((resolve) => this.#releases.push(resolve));
    void pump(new Direction(client, server, { stalled, strike, turn: plan.turn }), plan.up ?? []);
    void pump(new Direction(server, client, { stalled, strike }), plan.down ?? []);
  }
}

/** From one socket to another, byte positions counted. */
class Direction {
  readonly from: Socket;
  readonly to: Socket;
  /** Resolves when what is stalled is let go on. */
  readonly stalled: () => Promise<void>;
  /** To be called once for each fault that comes into effect. */
  readonly strike: () => void;
  readonly turn: ConnectionPlan['turn'];

  constructor(from: Socket, to: Socket, proxy: Pick<Direction, 'stalled' | 'strike'> & Pick<ConnectionPlan, 'turn'>) {
    this.from = from;
    this.to = to;
    this.stalled = proxy.stalled;
    this.strike = proxy.strike;
    this.turn = proxy.turn;
  }

  async write(bytes: Buffer): Promise<void> {
    if (bytes.length === 0) return;
    await this.turn?.(bytes.length);
    if (this.to.destroyed) return;
    if (!this.to.write(bytes)) await Promise.race([once(this.to, 'drain'), once(this.to, 'close')]);
  }
}

/** Thrown to end a direction by plan. */
class Ended extends Error {}

async function pump(direction: Direction, faults: readonly StreamFault[]): Promise<void> {
  const stages = faults.map((fault) => stageOf(fault, direction));
  const last = (bytes: Buffer): Promise<void> => direction.write(bytes);
  const push = stages.reduceRight<(bytes: Buffer) => Promise<void>>(
    (next, stage) => (bytes) => stage.push(bytes, next),
    last,
  );
  try {
    // Left early, a socket is not to be destroyed: its other direction may go on.
    for await (const piece of direction.from.iterator({ destroyOnReturn: false })) await push(piece as Buffer);
    for (const stage of stages) await stage.flush?.(last);
    direction.to.end();
  } catch (error) {
    if (!(error instanceof Ended)) direction.to.resetAndDestroy();
    // What still comes is read and forgotten, so that its sender does not wait.
    direction.from.resume();
  }
}

type Next = (bytes: Buffer) => Promise<void>;
/** Gets what comes from some byte on, and passes on what it likes. */
type Harm = (bytes: Buffer, next: Next) => Promise<void>;

interface Stage {
  push(bytes: Buffer, next: Next): Promise<void>;
  /** What is still held back when the direction ends. */
  flush?(next: Next): Promise<void>;
}

function stageOf(fault: StreamFault, direction: Direction): Stage {
  let isStruck = false;
  const startingAt = (start: number, act: Harm): Stage =>
    fromByte(start, async (bytes, next) => {
      if (!isStruck) direction.strike();
      isStruck = true;
      await act(bytes, next);
    });
  /** `act` gets the first piece only. */
  const atByte = (start: number, act: Harm): Stage => {
    let isDone = false;
    return startingAt(start, async (bytes, next) => {
      if (isDone) return next(bytes);
      isDone = true;
      return act(bytes, next);
    });
  };
  switch (fault.kind) {
    case 'flip':
      return atByte(fault.atByte, async (rest, next) => {
        rest[0] = (rest[0] ?? 0) ^ 1;
        await next(rest);
      });
    case 'latency':
      return startingAt(0, async (bytes, next) => {
        await delay(fault.ms);
        await next(bytes);
      });
    case 'trickle':
      return startingAt(fault.afterBytes, async (bytes, next) => {
        for (let at = 0; at < bytes.length; at += fault.bytes) {
          await delay(fault.everyMs);
          await next(bytes.subarray(at, at + fault.bytes));
        }
      });
    case 'drop':
    case 'duplicate':
    case 'reorder':
      return rearranging(fault, startingAt);
    case 'stall':
      return atByte(fault.afterBytes, async (rest, next) => {
        await direction.stalled();
        await next(rest);
      });
    case 'reset':
    case 'half-close':
    case 'truncate':
      return atByte(fault.afterBytes, async () => end(fault.kind, direction));
  }
}

function end(kind: 'reset' | 'half-close' | 'truncate', { from: source, to }: Direction): never {
  if (kind === 'reset') {
    source.resetAndDestroy();
    to.resetAndDestroy();
  } else {
    to.end();
    if (kind === 'truncate') source.end();
  }
  throw new Ended();
}

/** `act` gets what comes from that byte on, with a copy that it may change. */
function fromByte(start: number, act: Harm): Stage {
  let seen = 0;
  return {
    async push(bytes, next) {
      const before = bytes.subarray(0, Math.max(0, start - seen));
      const rest = Buffer.from(bytes.subarray(before.length));
      seen += bytes.length;
      if (before.length > 0) await next(before);
      if (rest.length > 0) await act(rest, next);
    },
  };
}

/** Holds back as much as it needs, and no more. */
function rearranging(
  { kind, afterBytes, bytes }: Extract<StreamFault, { kind: 'drop' | 'duplicate' | 'reorder' }>,
  startingAt: (start: number, act: Harm) => Stage,
): Stage {
  const needed = kind === 'reorder' ? 2 * bytes : bytes;
  let held: Buffer | null = Buffer.alloc(0);
  const arrange = (window: Buffer): Buffer => {
    const [first, second] = [window.subarray(0, bytes), window.subarray(bytes)];
    if (kind === 'drop') return second;
    return kind === 'duplicate' ? Buffer.concat([first, first, second]) : Buffer.concat([second, first]);
  };
  const stage = startingAt(afterBytes, async (rest, next) => {
    if (held === null) return next(rest);
    held = Buffer.concat([held, rest]);
    if (held.length < needed) return;
    const [window, after] = [held.subarray(0, needed), held.subarray(needed)];
    held = null;
    await next(Buffer.concat([arrange(window), after]));
  });
  return {
    ...stage,
    async flush(next) {
      if (held !== null) await next(arrange(held));
      held = null;
    },
  };
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
