import { join } from 'node:path';
import { fromUtf8, utf8 } from '../core/bytes.ts';
import { makeFolderDurably, readWholeFile, writeFileDurably } from '../core/files.ts';

/** The key of an SSH host as this home saw it first. A host that shows another one afterwards is refused. */
export interface HostKeyPin {
  /** `SHA256:…`; null before the first use. */
  pinned(): Promise<string | null>;
  /** Remembers it; true: it may be trusted. */
  readonly pin: (fingerprint: string) => Promise<boolean>;
}

const FILE_NAME = 'host-key';

/** Kept as a line of text in a folder of that backend. */
export function hostKeyPin(folder: string): HostKeyPin {
  const path = join(folder, FILE_NAME);
  return {
    async pinned() {
      const bytes = await readWholeFile(path);
      return bytes === null ? null : fromUtf8(bytes).trim();
    },
    async pin(fingerprint) {
      await makeFolderDurably(folder, { mode: 0o700 });
      await writeFileDurably(path, utf8(`${fingerprint}\n`), { mode: 0o600, exclusive: true });
      return true;
    },
  };
}
