import { join } from 'node:path';
import { fromHex, toHex } from '../core/bytes.ts';
import { invariant, isValenceError } from '../core/errors.ts';
import type { FileSystem } from '../core/file-system.ts';
import { systemFiles } from '../core/file-system.ts';
import { makeFolderDurably, readWholeFile, writeFileDurably } from '../core/files.ts';
import type { LockedSnapshot, LockLedger } from '../core/ports.ts';
import { TIER_NAME } from '../format/index/segment.ts';

export interface LockFolderOptions {
  /** In the home, whose lock is held. Made with the first entry. */
  readonly folder: string;
  readonly files?: FileSystem | undefined;
}

/**
 * The ledger of locks as files `<tier>.json`: the snapshot's digest and, by holder, the time in milliseconds. One that cannot be
 * read or understood is as good as none; `write` rejects with `backend/full` or `backend/unavailable`.
 */
export class LockFolder implements LockLedger {
  readonly #folder: string;
  readonly #files: FileSystem;

  constructor({ folder, files = systemFiles }: LockFolderOptions) {
    this.#folder = folder;
    this.#files = files;
  }

  async read(tier: string): Promise<LockedSnapshot | null> {
    try {
      const bytes = await readWholeFile(this.#path(tier), { files: this.#files });
      return bytes === null ? null : parse(Buffer.from(bytes).toString('utf8'));
    } catch (error) {
      if (isValenceError(error) && error.code.startsWith('backend/')) return null;
      throw error;
    }
  }

  async write(tier: string, { digest, holders }: LockedSnapshot): Promise<void> {
    const text = JSON.stringify({ digest: toHex(digest), holders: Object.fromEntries(holders) });
    await makeFolderDurably(this.#folder, { files: this.#files });
    await writeFileDurably(this.#path(tier), Buffer.from(text), { files: this.#files });
  }

  #path(tier: string): string {
    invariant(TIER_NAME.test(tier), 'the name of a tier becomes a name of files');
    return join(this.#folder, `${tier}.json`);
  }
}

function parse(text: string): LockedSnapshot | null {
  const value = jsonOrNull(text);
  if (!isRecord(value) || typeof value['digest'] !== 'string' || !isRecord(value['holders'])) return null;
  if (!/^[0-9a-f]{64}$/.test(value['digest'])) return null;
  const holders = new Map<string, number>();
  for (const [holder, until] of Object.entries(value['holders'])) {
    if (typeof until === 'number') holders.set(holder, until);
  }
  return { digest: fromHex(value['digest'], 32), holders };
}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
