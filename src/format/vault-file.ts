import { equalBytes, fromUtf8, toHex, utf8 } from '../core/bytes.ts';
import { ValenceError } from '../core/errors.ts';
import { isUuid } from '../core/ids.ts';
import { VAULT_FILE_BYTES_MAX } from '../core/limits.ts';
import { newerFormat } from './magic.ts';
import { sha256 } from './shard/name.ts';

/** `valence.json`, the first object on every backend: whose it is and how to read it. FORMAT.md §2.2. */

export const VAULT_FILE_NAME = 'valence.json';
export const FORMAT_VERSION = 1;

export interface VaultFile {
  /** UUID text. */
  readonly vaultId: string;
  /** UUID text: this backend's own name in masks and index, kept when it moves. */
  readonly holder: string;
}

const DIGEST_LINE = /"digest": "([0-9a-f]{64})"\n}\n$/;

/** The exact bytes: one field a line, the last one a digest of the lines before it. */
export function encodeVaultFile(file: VaultFile): Uint8Array {
  const lines = `{\n  "format": "valence",\n  "version": ${FORMAT_VERSION},\n  "vault": "${file.vaultId}",\n  "holder": "${file.holder}",\n  "requiredFeatures": [],\n`;
  return utf8(`${lines}  "digest": "${toHex(sha256(utf8(lines)))}"\n}\n`);
}

/**
 * The digest is checked before anything is believed, so damage is never taken for another version.
 * @throws `format/malformed`, `format/newer` for another version or a feature this program does not know
 */
export function parseVaultFile(bytes: Uint8Array): VaultFile {
  const text = fromUtf8(bytes.subarray(0, VAULT_FILE_BYTES_MAX));
  const match = DIGEST_LINE.exec(text);
  const lines = text.slice(0, text.lastIndexOf('  "digest"'));
  if (match === null || toHex(sha256(utf8(lines))) !== match[1]) throw malformed('its digest is wrong');
  const { format, version, vault, holder, requiredFeatures } = parseJson(text);
  if (format !== 'valence' || typeof version !== 'number') throw malformed('it is not of this format');
  if (version !== FORMAT_VERSION) throw newerFormat('vault', version);
  if (!Array.isArray(requiredFeatures)) throw malformed('requiredFeatures is missing');
  if (requiredFeatures.length > 0) throw newerFeature(requiredFeatures);
  if (typeof vault !== 'string' || typeof holder !== 'string' || !isUuid(vault) || !isUuid(holder))
    throw malformed('an id is missing');
  const file = { vaultId: vault, holder };
  const lowerCase = vault === vault.toLowerCase() && holder === holder.toLowerCase();
  if (!lowerCase || !equalBytes(encodeVaultFile(file), bytes)) throw malformed('it is not in canonical form');
  return file;
}

function parseJson(text: string): Partial<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Partial<Record<string, unknown>>;
  } catch (cause) {
    throw new ValenceError('format/malformed', `malformed ${VAULT_FILE_NAME}`, { cause });
  }
}

function newerFeature(features: readonly unknown[]): ValenceError {
  return new ValenceError(
    'format/newer',
    `this vault needs features this program does not know: ${features.join(', ')}`,
    {
      hint: 'upgrade valence and try again',
    },
  );
}

function malformed(reason: string): ValenceError {
  return new ValenceError('format/malformed', `malformed ${VAULT_FILE_NAME}: ${reason}`);
}
