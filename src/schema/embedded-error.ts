import { ValenceError } from '../core/errors.ts';
import { databaseError, sqlstateOf } from './database-error.ts';

/** What the file system under PGlite throws (Emscripten's `FS.ErrnoError`): no `Error`, and without a message. */
interface ErrnoError {
  readonly errno: number;
}

/** WASI numbers, which are not those of the operating system. */
const REASONS: ReadonlyMap<number, string> = new Map([
  [2, 'permission denied'],
  [19, 'the disk quota is used up'],
  [29, 'the device reports an input/output error'],
  [33, 'too many open files'],
  [41, 'too many open files'],
  [44, 'no such file or folder'],
  [51, 'no space left on the device'],
  [54, 'a part of the path is not a folder'],
  [63, 'not permitted'],
  [69, 'the file system is read-only'],
]);
const FULL: readonly number[] = [19, 51];
/** disk_full (PostgreSQL manual, appendix A) */
const DISK_FULL = '53100';

/**
 * An error of PGlite as ours: `backend/full` when its disk has no room, since that is the disk of the home;
 * `database/unavailable` for whatever else the file system says; all else as `databaseError` does.
 */
export function embeddedError(error: unknown, where: string): ValenceError {
  if (isErrnoError(error)) {
    const reason = REASONS.get(error.errno) ?? `error ${error.errno} of its file system`;
    if (FULL.includes(error.errno)) return full(`cannot write ${where}: ${reason}`, error);
    return new ValenceError('database/unavailable', `cannot use ${where}: ${reason}`, {
      hint: 'see that the folder is there and writable',
      cause: error,
    });
  }
  const translated = databaseError(error, where);
  if (error === translated || sqlstateOf(translated) !== DISK_FULL) return translated;
  return full(translated.message, error, { sqlstate: DISK_FULL });
}

function full(message: string, cause: unknown, context: Readonly<Record<string, unknown>> = {}): ValenceError {
  return new ValenceError('backend/full', message, {
    hint: 'free some space there, then run the command again',
    context,
    cause,
  });
}

function isErrnoError(error: unknown): error is ErrnoError {
  return (
    typeof error === 'object' &&
    error !== null &&
    'name' in error &&
    error.name === 'ErrnoError' &&
    'errno' in error &&
    typeof error.errno === 'number'
  );
}
