import { equalBytes } from '../core/bytes.ts';
import { isValenceError } from '../core/errors.ts';
import type { UploadJournal } from '../core/ports.ts';
import { encodeUploadedPack } from './uploaded-packs.ts';
import type { UploadedPack } from './uploaded-packs.ts';

const DIGEST_BYTES = 32;

/**
 * The upload journal of one tier. Entries begin with the snapshot that this host remembered when they were written: once that
 * is another one they were committed, and what of them is not known then is dropped for ever. A journal that cannot
 * be written must not keep a backup from being made; it is given up for the run.
 */
export class TierJournal {
  readonly #journal: UploadJournal;
  readonly #tier: string;
  readonly #base: Uint8Array;
  #trouble: string | null = null;

  /** `remembered`: digest of the snapshot that this host committed last, null for none. */
  constructor(journal: UploadJournal, tier: string, remembered: Uint8Array | null) {
    this.#journal = journal;
    this.#tier = tier;
    this.#base = remembered ?? Buffer.alloc(DIGEST_BYTES);
  }

  /** Entries of runs since then, as `encodeUploadedPack` makes them. */
  async read(): Promise<Uint8Array[]> {
    const entries = await this.#journal.read(this.#tier);
    return entries
      .filter((entry) => equalBytes(entry.subarray(0, DIGEST_BYTES), this.#base))
      .map((entry) => entry.subarray(DIGEST_BYTES));
  }

  /** Durable when it resolves, unless the journal was given up. */
  async note(pack: UploadedPack): Promise<void> {
    if (this.#trouble !== null) return;
    await this.#trying(() => this.#journal.append(this.#tier, Buffer.concat([this.#base, encodeUploadedPack(pack)])));
  }

  /** The run is committed. What there is to say of the journal. */
  async clear(): Promise<string[]> {
    await this.#trying(() => this.#journal.clear(this.#tier));
    return this.#trouble === null ? [] : [`the upload journal was not kept: ${this.#trouble}`];
  }

  async #trying(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (!isValenceError(error) || !error.code.startsWith('backend/')) throw error;
      this.#trouble ??= error.message;
    }
  }
}
