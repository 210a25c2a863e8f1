import { equalBytes, toHex } from '../../core/bytes.ts';
import type { Clock, Timer } from '../../core/clock.ts';
import { isValenceError } from '../../core/errors.ts';
import type { ErrorCode } from '../../core/errors.ts';
import type { Random } from '../../core/random.ts';
import type { Backend, ObjectInfo, ObjectName, PutOptions } from '../backend.ts';

/** Readers of vaults pass over such names (F-2.3.2). */
const CHECK_FOLDER = 'valence-check';
/** When a check began is in the name of its folder: whole milliseconds since 1970 in hexadecimal. */
const FOLDER_OF_CHECK = /^valence-check\/([0-9a-f]{12})-[0-9a-f]{16}\//;
/** No check takes that long: what is older was left by one that was killed. */
const FORGOTTEN_MS = 24 * 60 * 60_000;

export interface PlaceOptions {
  readonly random: Random;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly signal?: AbortSignal | undefined;
}

/** A promise of backend.ts that the store does not keep. */
export class BrokenPromise extends Error {
  readonly hint: string | undefined;

  constructor(what: string, hint?: string) {
    super(what);
    this.hint = hint;
  }
}

/** @throws BrokenPromise unless `condition` holds */
export function mustHold(condition: boolean, broken: string, hint?: string): asserts condition {
  if (!condition) throw new BrokenPromise(broken, hint);
}

/** A prefix of a backend that nobody else uses, and what the key may do there. Knows all that was ever put. */
export class CheckedPlace {
  readonly backend: Backend;
  readonly prefix: string;
  readonly random: Random;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly signal: AbortSignal | undefined;
  canRead = true;
  canDelete = true;
  /** What the checks have measured, in words. */
  readonly figures: string[] = [];
  readonly #written = new Set<ObjectName>();

  constructor(backend: Backend, { random, clock, timer, signal }: PlaceOptions) {
    this.backend = backend;
    this.random = random;
    this.clock = clock;
    this.timer = timer;
    this.signal = signal;
    const startedAt = Math.floor(clock.now()).toString(16).padStart(12, '0');
    this.prefix = `${CHECK_FOLDER}/${startedAt}-${toHex(random.bytes(8))}/`;
  }

  /** Names of objects that were put and not deleted, also where the put failed. */
  get written(): ReadonlySet<ObjectName> {
    return this.#written;
  }

  name(name: string): ObjectName {
    return this.prefix + name;
  }

  async put(name: string, body: Uint8Array, options: Omit<PutOptions, 'signal'> = {}): Promise<void> {
    this.#written.add(this.name(name));
    await this.backend.put(this.name(name), body, { ...options, signal: this.signal });
  }

  async get(name: string, range?: { offset: number; length: number }): Promise<Uint8Array> {
    return this.backend.get(this.name(name), { range, signal: this.signal });
  }

  async stat(name: string): Promise<ObjectInfo | null> {
    return this.backend.stat(this.name(name), { signal: this.signal });
  }

  async delete(name: string): Promise<void> {
    await this.backend.delete(this.name(name), { signal: this.signal });
    this.#written.delete(this.name(name));
  }

  /** Sizes of what is listed in a folder of the place, by name in it. @throws BrokenPromise if one is listed twice */
  async list(folder = ''): Promise<Map<string, number>> {
    const prefix = this.prefix + folder;
    const found = new Map<string, number>();
    for await (const { name, sizeBytes } of this.backend.list(prefix, { signal: this.signal })) {
      mustHold(name.startsWith(prefix), `listing ${prefix} gives ${name}, which lies elsewhere`);
      const rest = name.slice(prefix.length);
      mustHold(!found.has(rest), `listing ${prefix} gives ${rest} twice`);
      found.set(rest, sizeBytes);
    }
    return found;
  }

  /** @throws BrokenPromise unless the object is there with this content; its size only where the key cannot read */
  async mustHave(name: string, body: Uint8Array, when: string): Promise<void> {
    if (!this.canRead) {
      const sizeBytes = (await this.list()).get(name);
      return mustHold(
        sizeBytes === body.length,
        `${when}, ${name} is ${listedAs(sizeBytes)} instead of ${body.length}`,
      );
    }
    const bytes = await this.get(name);
    mustHold(bytes.length === body.length, `${when}, ${name} has ${bytes.length} bytes instead of ${body.length}`);
    mustHold(equalBytes(bytes, body), `${when}, ${name} has other bytes than were written`);
  }

  /** @throws BrokenPromise if anything still shows the object */
  async mustNotHave(name: string, when: string): Promise<void> {
    mustHold(!(await this.list()).has(name), `${when}, ${name} is still listed`);
    if (!this.canRead) return;
    mustHold((await this.stat(name)) === null, `${when}, stat still finds ${name}`);
    await this.mustReject(this.get(name), 'backend/not-found', `${when}, get of ${name}`);
  }

  /** @throws BrokenPromise unless the call rejects with this code */
  async mustReject(call: Promise<unknown>, code: ErrorCode, what: string): Promise<void> {
    const outcome = await call.then(
      () => 'succeeds',
      (error: unknown) => {
        if (this.signal?.aborted === true) throw error;
        if (isValenceError(error, code)) return null;
        if (isValenceError(error, 'backend/unavailable', 'backend/denied')) throw error;
        return isValenceError(error) ? `rejects ${error.code}` : 'rejects with an error of its own';
      },
    );
    mustHold(outcome === null, `${what} ${outcome} instead of rejecting ${code}`);
  }

  /** Milliseconds that `act` takes. */
  async timed(act: () => Promise<unknown>): Promise<number> {
    const startedAt = this.timer.elapsed();
    await act();
    return this.timer.elapsed() - startedAt;
  }

  /** Deletes all that may be there; what cannot be deleted comes back with the reason. Needs time of its own. */
  async removeAll(signal: AbortSignal): Promise<Map<ObjectName, unknown>> {
    const left = new Map<ObjectName, unknown>();
    for (const name of new Set([...this.#written, ...(await this.#listed(this.prefix, signal))])) {
      try {
        await this.backend.delete(name, { signal });
        this.#written.delete(name);
      } catch (error) {
        left.set(name, error);
      }
    }
    for (const name of await this.#listed(this.prefix, signal)) {
      if (!left.has(name)) left.set(name, new BrokenPromise('listed although it was deleted'));
    }
    return left;
  }

  /** Deletes what checks that were killed have left more than a day ago, as far as that goes; how many objects. */
  async removeForgotten(signal: AbortSignal): Promise<number> {
    let removed = 0;
    for (const name of await this.#listed(`${CHECK_FOLDER}/`, signal)) {
      const [, startedAt] = FOLDER_OF_CHECK.exec(name) ?? [];
      if (startedAt === undefined || Number.parseInt(startedAt, 16) > this.clock.now() - FORGOTTEN_MS) continue;
      try {
        await this.backend.delete(name, { signal });
        removed += 1;
      } catch {
        return removed;
      }
    }
    return removed;
  }

  /** Nothing where it cannot be listed: what was written is known without. */
  async #listed(prefix: string, signal: AbortSignal): Promise<ObjectName[]> {
    const names: ObjectName[] = [];
    try {
      for await (const { name } of this.backend.list(prefix, { signal })) {
        if (name.startsWith(prefix)) names.push(name);
      }
    } catch {
      return names;
    }
    return names;
  }
}

function listedAs(sizeBytes: number | undefined): string {
  return sizeBytes === undefined ? 'not listed' : `listed with ${sizeBytes} bytes`;
}
