import { open } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, resolve } from 'node:path';
import { ValenceError, isValenceError } from '../core/errors.ts';
import { fromUtf8 } from '../core/bytes.ts';
import { isSystemError } from '../core/file-system.ts';
import type { Environment } from './home.ts';

/**
 * Secrets are named, never written: `env:NAME` or `file:PATH`. What a name stands for is looked up when a backend is
 * opened and lives in its client alone; names may be printed and stored.
 */

export type SecretReference =
  | { readonly kind: 'env'; readonly name: string }
  /** Absolute. */
  | { readonly kind: 'file'; readonly path: string };

/** Reads on from the name of a key; the value itself is never repeated. */
export const SECRET_RULE = 'must name a secret, not be one: env:NAME or file:PATH';

export const SECRET_HINT = 'put the secret into a file that only you can read and write file:PATH, or env:NAME';

/** Longest secret that a file may hold: a private key is a few KiB. */
const SECRET_BYTES_MAX = 64 * 1024;
/** Bits of a file's mode that let anyone but its owner read or change it. Windows has none. */
const OTHERS = process.platform === 'win32' ? 0 : 0o066;

/** Null for what is no reference. A path that is not absolute is taken from `folder`. */
export function parseSecretReference(text: string, folder: string): SecretReference | null {
  const [, kind, value = ''] = /^(env|file):(.+)$/s.exec(text) ?? [];
  if (kind === 'env') return /^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(value) ? { kind, name: value } : null;
  if (kind !== 'file' || value.includes('\0') || value.includes('\n')) return null;
  return { kind, path: isAbsolute(value) ? value : resolve(folder, expandHome(value)) };
}

/** Whether the text may stand in `valence.yaml` where a secret is named. */
export function isSecretReference(text: string): boolean {
  return parseSecretReference(text, '/') !== null;
}

/** The reference as it was written, but with an absolute path. */
export function secretReferenceText(reference: SecretReference): string {
  return reference.kind === 'env' ? `env:${reference.name}` : `file:${reference.path}`;
}

/**
 * Looks the secret up; one line feed at its end is left out. `what` names it in errors, e.g. `key of backend b2`.
 * @throws `config/invalid`, of which `isSecretMissing` is true, where there is none, or others can read it
 */
export async function resolveSecret(reference: SecretReference, env: Environment, what: string): Promise<string> {
  const secret = reference.kind === 'env' ? env[reference.name] : await readSecretFile(reference.path, what);
  const text = secret?.replace(/\r?\n$/, '') ?? '';
  if (text !== '') return text;
  const source = reference.kind === 'env' ? `the variable ${reference.name}` : reference.path;
  const state = secret === undefined ? 'is not set' : 'is empty';
  throw refused(`${what}: ${source} ${state}`, `set it, or name another place of the secret in valence.yaml`);
}

async function readSecretFile(path: string, what: string): Promise<string> {
  try {
    await using file = await open(path, 'r');
    const status = await file.stat();
    if (!status.isFile()) throw refused(`${what}: ${path} is no file`, 'name a file that holds the secret alone');
    if (status.size > SECRET_BYTES_MAX) {
      throw refused(`${what}: ${path} is too large for a secret`, 'name a file that holds the secret alone');
    }
    if ((status.mode & OTHERS) !== 0) {
      throw refused(`${what}: others may read ${path}`, `run \`chmod 600 ${path}\`, and change the secret if they did`);
    }
    return fromUtf8(await file.readFile());
  } catch (error) {
    if (isValenceError(error, 'config/invalid')) throw error;
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) {
      throw refused(`${what}: there is no file ${path}`, 'write the secret there, readable by you alone', error);
    }
    const hint = 'name a file of text that you can read, and that holds the secret alone';
    throw refused(`${what}: ${path} cannot be read`, hint, error);
  }
}

/** Whether a backend cannot be used on this host for want of its secret, which says nothing of the others. */
export function isSecretMissing(error: unknown): error is ValenceError {
  return isValenceError(error, 'config/invalid') && error.context['isSecretMissing'] === true;
}

/** `~/…`, which a shell leaves alone behind `file:`. */
function expandHome(path: string): string {
  return path.startsWith('~/') ? resolve(homedir(), path.slice(2)) : path;
}

function refused(message: string, hint: string, cause?: unknown): ValenceError {
  return new ValenceError('config/invalid', message, { hint, cause, context: { isSecretMissing: true } });
}
