import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { Gate } from '../test/support/servers/gate.ts';
import { startFaultyProxy } from '../test/support/servers/faulty-proxy.ts';
import type { ConnectionPlan, FaultyProxy } from '../test/support/servers/faulty-proxy.ts';

/** The way to a place's server: what goes in is counted, it can be made slow, shut, or fall silent. */

interface Passed {
  /** As `performance.now()` has it. */
  readonly at: number;
  /** All that had gone in by then. */
  readonly bytes: number;
}

export class Door implements Gate {
  readonly #proxy: FaultyProxy;
  #passed: Passed[] = [];
  /** A second, all connections together; null: as fast as they come. */
  #pace: number | null = null;
  #freeAt = 0;
  readonly #turn = async (bytes: number): Promise<void> => {
    if (this.#pace !== null) {
      const now = performance.now();
      this.#freeAt = Math.max(now, this.#freeAt) + (bytes / this.#pace) * 1000;
      await delay(this.#freeAt - now);
    }
    this.#passed.push({ at: performance.now(), bytes: (this.#passed.at(-1)?.bytes ?? 0) + bytes });
  };

  constructor(proxy: FaultyProxy) {
    this.#proxy = proxy;
    this.open();
  }

  get port(): number {
    return this.#proxy.port;
  }

  open(): void {
    this.#proxy.plan = (): ConnectionPlan => ({ turn: this.#turn });
  }

  shut(): void {
    this.#lead({ refuse: true });
  }

  /** Connections can be made, and nothing is ever answered. */
  silence(): void {
    this.#lead({ up: [{ kind: 'stall', afterBytes: 0 }] });
  }

  slowTo(bytesPerSecond: number): void {
    this.#pace = bytesPerSecond;
  }

  /** Forgets what went in before. */
  watch(): void {
    this.#passed = [];
  }

  /** When so much of all that went in since `watch` was in, as `performance.now()` has it. */
  reached(share: number): number {
    const total = this.#passed.at(-1)?.bytes ?? 0;
    const passed = this.#passed.find(({ bytes }) => bytes >= share * total);
    if (passed === undefined) throw new Error('nothing went through the door');
    return passed.at;
  }

  /** What goes in between these shares of all that did since `watch`, a second. */
  bytesPerSecond(from: number, to: number): number {
    const total = this.#passed.at(-1)?.bytes ?? 0;
    return ((to - from) * total) / Math.max(1e-3, (this.reached(to) - this.reached(from)) / 1000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#proxy[Symbol.asyncDispose]();
  }

  #lead(plan: ConnectionPlan): void {
    this.#proxy.plan = (): ConnectionPlan => plan;
    this.#proxy.cut();
  }
}

export async function openDoor(port: number): Promise<Door> {
  return new Door(await startFaultyProxy({ port }));
}

/** No door: nothing stands between. Nor can it be shut. */
export async function noDoor(port: number): Promise<Gate> {
  const refuse = (): never => {
    throw new Error('there is no door');
  };
  return { port, shut: refuse, open: refuse, [Symbol.asyncDispose]: async () => {} };
}
