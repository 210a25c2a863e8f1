import { Meter } from '../backends/wrappers/meter.ts';
import type { Config } from '../config/schema.ts';
import { systemTimer } from '../core/clock.ts';
import type { BackendUsage } from './backup-calls.ts';
import { priceTable } from './open-backend.ts';

/** A meter for each backend of a command, by name, with the prices that are configured. */
export class UsageMeters {
  readonly #config: Config;
  readonly #meters = new Map<string, Meter>();

  constructor(config: Config) {
    this.#config = config;
  }

  readonly meterOf = (name: string): Meter => {
    const known = this.#meters.get(name);
    if (known !== undefined) return known;
    const prices = this.#config.backends.get(name)?.prices ?? null;
    const meter = new Meter(systemTimer, prices === null ? null : priceTable(prices));
    this.#meters.set(name, meter);
    return meter;
  };

  entries(): Iterable<[string, Meter]> {
    return this.#meters;
  }

  /** In the order in which they were opened. */
  usage(): BackendUsage[] {
    return Array.from(this.#meters, ([backend, meter]) => {
      const { total, cost } = meter.snapshot();
      const { calls, errors, bytesUp, bytesDown } = total;
      return { type: 'backend-usage', backend, calls, errors, bytesUp, bytesDown, cost };
    });
  }
}
