import { join } from 'node:path';
import { invariant } from '../core/errors.ts';
import type { FileSystem, OpenFile } from '../core/file-system.ts';
import { systemFiles } from '../core/file-system.ts';
import { makeFolderDurably, readWholeFile, statusOrNull, syncFolder, translated } from '../core/files.ts';
import type { UploadJournal } from '../core/ports.ts';
import { TIER_NAME } from '../format/index/segment.ts';
import { decodeRecords, encodeRecord, firstChecksum } from './journal-records.ts';

export interface JournalFolderOptions {
  /** In the home, whose lock is held. Made, for its owner alone, with the first entry. */
  readonly folder: string;
  /** 16 bytes. Entries of another vault or generation are left where they are and not given out. */
  readonly vaultId: Uint8Array;
  /** 16 bytes. */
  readonly generation: Uint8Array;
  readonly files?: FileSystem | undefined;
}

/**
 * The upload journal as files `<tier>.<number>`, mode 0600: each run, and each append after one that failed, begins a
 * new one, so nothing is ever written after a torn end. Files hold records as in journal-records.ts and are not part of
 * FORMAT.md: a lost journal costs an upload, nothing else. Every method rejects with `backend/full` or
 * `backend/unavailable`; calls for one tier take effect in the order they were made.
 */
export class JournalFolder implements UploadJournal, AsyncDisposable {
  readonly #options: JournalFolderOptions;
  readonly #tiers = new Map<string, TierJournal>();

  constructor(options: JournalFolderOptions) {
    this.#options = options;
  }

  read(tier: string): Promise<readonly Uint8Array[]> {
    return this.#of(tier).read();
  }

  append(tier: string, entry: Uint8Array): Promise<void> {
    return this.#of(tier).append(entry);
  }

  /** Also removes what other vaults and generations left for the tier. */
  clear(tier: string): Promise<void> {
    return this.#of(tier).clear();
  }

  /** Waits for what was asked for, and closes the files. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#tiers.values()].map((journal) => journal.close()));
  }

  #of(tier: string): TierJournal {
    invariant(TIER_NAME.test(tier), 'the name of a tier becomes a name of files');
    const journal = this.#tiers.get(tier) ?? new TierJournal(tier, this.#options);
    this.#tiers.set(tier, journal);
    return journal;
  }
}

/** A file that takes records, as far as it is known to be whole. */
interface Tail {
  readonly path: string;
  readonly file: OpenFile;
  readonly length: number;
  readonly checksum: Uint8Array;
}

const NUMBER_DIGITS = 8;
const NUMBER = new RegExp(`^[0-9]{${NUMBER_DIGITS}}$`);

class TierJournal {
  readonly #tier: string;
  readonly #folder: string;
  readonly #files: FileSystem;
  readonly #first: Uint8Array;
  #tail: Tail | null = null;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(tier: string, { folder, vaultId, generation, files = systemFiles }: JournalFolderOptions) {
    this.#tier = tier;
    this.#folder = folder;
    this.#files = files;
    this.#first = firstChecksum({ vaultId, generation, tier });
  }

  read(): Promise<Uint8Array[]> {
    return this.#inTurn(async () => {
      const entries: Uint8Array[] = [];
      for (const name of (await this.#names()) ?? []) {
        const bytes = await readWholeFile(join(this.#folder, name), { files: this.#files });
        if (bytes !== null) for (const entry of decodeRecords(this.#first, bytes)) entries.push(entry);
      }
      return entries;
    });
  }

  append(entry: Uint8Array): Promise<void> {
    return this.#inTurn(async () => {
      const tail = this.#tail ?? (await this.#begin());
      // After a failure nobody knows what is in the file beyond what was synced before.
      this.#tail = null;
      this.#tail = await this.#extend(tail, entry);
    });
  }

  clear(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#closeTail();
      const names = await this.#names();
      if (names === null) return;
      for (const name of names) {
        const path = join(this.#folder, name);
        await translated('remove', path, () => this.#files.remove(path));
      }
      // Also when there is none: an earlier removal may not be durable yet.
      await syncFolder(this.#folder, { files: this.#files });
    });
  }

  close(): Promise<void> {
    return this.#inTurn(() => this.#closeTail());
  }

  async #begin(): Promise<Tail> {
    await makeFolderDurably(this.#folder, { files: this.#files, mode: 0o700 });
    const last = Number((await this.#names())?.at(-1)?.slice(-NUMBER_DIGITS) ?? 0);
    const path = join(this.#folder, `${this.#tier}.${String(last + 1).padStart(NUMBER_DIGITS, '0')}`);
    const file = await translated('write', path, () => this.#files.create(path, 0o600));
    await orClose(file, () => syncFolder(this.#folder, { files: this.#files }));
    return { path, file, length: 0, checksum: this.#first };
  }

  async #extend(tail: Tail, entry: Uint8Array): Promise<Tail> {
    const { path, file, length } = tail;
    const { bytes, checksum } = encodeRecord(tail.checksum, entry);
    const write = async (): Promise<void> => {
      for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done), length + done);
      await file.sync();
    };
    await orClose(file, () => translated('write', path, write));
    return { ...tail, length: length + bytes.length, checksum };
  }

  /** Files of the tier, oldest first; null: there is no folder. */
  #names(): Promise<string[] | null> {
    return translated('list', this.#folder, async () => {
      if ((await statusOrNull(this.#files, this.#folder)) === null) return null;
      const prefix = `${this.#tier}.`;
      const entries = await this.#files.entries(this.#folder);
      const names = entries.filter(({ kind }) => kind === 'file').map(({ name }) => name);
      return names.filter((name) => name.startsWith(prefix) && NUMBER.test(name.slice(prefix.length))).sort();
    });
  }

  /** Every record that was acknowledged is synced, so closing can lose none. */
  async #closeTail(): Promise<void> {
    const tail = this.#tail;
    this.#tail = null;
    await tail?.file.close().catch(() => undefined);
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(act);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}

/** A file that is given up after a failure is closed; the failure is what is heard. */
async function orClose(file: OpenFile, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    await file.close().catch(() => undefined);
    throw error;
  }
}
