import { posix } from 'node:path';
import { toHex } from '../../core/bytes.ts';
import type { Clock } from '../../core/clock.ts';
import { TEMPORARY_PREFIX } from '../../core/files.ts';
import type { Random } from '../../core/random.ts';
import { LEFTOVER_AGE_MS } from '../leftovers.ts';
import type { Session } from './session.ts';

/** The unfinished files in the root, named as those of a directory backend are. */
export class Temporaries {
  readonly #root: string;
  readonly #clock: Clock;
  readonly #random: Random;
  /** Files of this process that may still be there: the connection ended first. */
  readonly #left = new Set<string>();
  #sweep: Promise<void> | undefined;

  constructor(root: string, clock: Clock, random: Random) {
    this.#root = root;
    this.#clock = clock;
    this.#random = random;
  }

  /** A path that nothing has. */
  next(): string {
    return posix.join(this.#root, TEMPORARY_PREFIX + toHex(this.#random.bytes(12)));
  }

  /** To be removed when next something is written. */
  leave(path: string): void {
    this.#left.add(path);
  }

  /** Housekeeping that must not keep anyone from writing, so its failures are dropped. */
  async removeLeftovers(session: Session): Promise<void> {
    const left = [...this.#left];
    this.#left.clear();
    const removing = left.map((path) => session.remove(path).catch(() => this.leave(path)));
    await Promise.all([(this.#sweep ??= this.#removeOld(session)), ...removing]);
  }

  async #removeOld(session: Session): Promise<void> {
    const entries = (await session.entries(this.#root).catch(() => null)) ?? [];
    for (const { name, status } of entries) {
      if (!name.startsWith(TEMPORARY_PREFIX) || status?.kind !== 'file') continue;
      if (status.modifiedAt > this.#clock.now() - LEFTOVER_AGE_MS) continue;
      await session.remove(posix.join(this.#root, name)).catch(() => undefined);
    }
  }
}
