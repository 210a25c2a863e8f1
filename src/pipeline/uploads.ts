import { isValenceError } from '../core/errors.ts';
import type { ErrorCode, ValenceError } from '../core/errors.ts';
import type { Blemish } from '../vault/places.ts';
import type { WritableHolder } from './holders.ts';

/** Why a holder keeps a damaged object though it takes others. */
const KEEPING: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'backend/already-exists',
  'backend/denied',
  'backend/locked',
]);

export interface UploadsOptions {
  readonly holders: readonly WritableHolder[];
  /** Milliseconds since 1970 until which holders that can are to lock what they take; null: not at all. */
  readonly lockedUntil?: number | null | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Puts objects at the holders of a run, and remembers who refused: that one is asked no more. */
export class Uploads {
  /** Holders that have not refused yet. */
  readonly #willing: Set<WritableHolder>;
  readonly #full = new Set<WritableHolder>();
  readonly refused: Blemish[] = [];
  /** Damaged objects that a holder would not let go of. */
  readonly kept: Blemish[] = [];
  /** Locks what is put from now on. Null: nothing is locked. */
  lockedUntil: number | null;
  readonly #signal: AbortSignal | undefined;
  readonly #whenRefused: (() => void)[] = [];
  #storedBytes = 0;

  constructor({ holders, lockedUntil = null, signal }: UploadsOptions) {
    this.#willing = new Set(holders);
    this.lockedUntil = lockedUntil;
    this.#signal = signal;
  }

  /** Bytes that holders have acknowledged. */
  get storedBytes(): number {
    return this.#storedBytes;
  }

  get willing(): readonly WritableHolder[] {
    return [...this.#willing];
  }

  isWilling(holder: WritableHolder): boolean {
    return this.#willing.has(holder);
  }

  /** False once a holder went away during the run; one that is only full keeps what it has. */
  answers(holder: WritableHolder): boolean {
    return this.#willing.has(holder) || this.#full.has(holder);
  }

  /** Called after each holder that refuses. */
  onRefusal(listener: () => void): void {
    this.#whenRefused.push(listener);
  }

  /** Puts one object; false, and the holder is out for this run, when it refuses. @throws when cancelled */
  async store(
    holder: WritableHolder,
    object: string,
    bytes: Uint8Array,
    signal: AbortSignal | undefined = this.#signal,
  ): Promise<boolean> {
    const error = await this.#put(holder, object, bytes, signal);
    if (error !== null) this.#refuse(holder, error);
    return error === null;
  }

  /**
   * Puts one object where a damaged copy may lie. That goes only when the holder itself says that it is another one. False where
   * the holder refuses, and where it keeps the other one: it is not the less willing then.
   */
  async replace(holder: WritableHolder, object: string, bytes: Uint8Array): Promise<boolean> {
    const first = await this.#put(holder, object, bytes, this.#signal);
    const hasOther = first?.code === 'backend/already-exists';
    const error = hasOther
      ? ((await this.#delete(holder, object)) ?? (await this.#put(holder, object, bytes, this.#signal)))
      : first;
    if (error === null) return true;
    if (hasOther && KEEPING.has(error.code)) this.kept.push({ location: holder.backend.location, error });
    else this.#refuse(holder, error);
    return false;
  }

  async #delete({ backend }: WritableHolder, object: string): Promise<ValenceError | null> {
    try {
      await backend.delete(object, { signal: this.#signal });
      return null;
    } catch (error) {
      this.#signal?.throwIfAborted();
      if (!isBackendError(error)) throw error;
      return error;
    }
  }

  /** Puts one object at every willing holder; those that took it. */
  async storeEverywhere(object: string, bytes: Uint8Array): Promise<WritableHolder[]> {
    const holders = this.willing;
    const took = await Promise.all(holders.map((holder) => this.store(holder, object, bytes)));
    return holders.filter((_, i) => took[i]);
  }

  /** Null: it is there. */
  async #put(
    { backend }: WritableHolder,
    object: string,
    bytes: Uint8Array,
    signal: AbortSignal | undefined,
  ): Promise<ValenceError | null> {
    const lock = backend.traits.objectLock && this.lockedUntil !== null ? { lockedUntil: this.lockedUntil } : {};
    try {
      await backend.put(object, bytes, { signal, ...lock });
      this.#storedBytes += bytes.length;
      return null;
    } catch (error) {
      signal?.throwIfAborted();
      if (!isBackendError(error)) throw error;
      return error;
    }
  }

  #refuse(holder: WritableHolder, error: ValenceError): void {
    if (this.#willing.delete(holder)) this.refused.push({ location: holder.backend.location, error });
    if (error.code === 'backend/full') this.#full.add(holder);
    for (const listener of this.#whenRefused) listener();
  }
}

function isBackendError(error: unknown): error is ValenceError {
  return isValenceError(error) && error.code.startsWith('backend/');
}
