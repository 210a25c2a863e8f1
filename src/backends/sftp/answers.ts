import { ValenceError, isValenceError } from '../../core/errors.ts';
import type { BackendErrorCode, FailedCall } from '../backend-error.ts';
import { backendError } from '../backend-error.ts';

/** What a server answers, and what becomes of it: internal errors of this folder, translated once before they leave it. */

/** Status codes of SFTP version 3. */
export const STATUS = {
  noSuchFile: 2,
  permissionDenied: 3,
  failure: 4,
  unsupported: 8,
} as const;

/** The server refused a request. */
export class StatusError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The connection ended before the answer came; whether the request was carried out is not known. */
export class ConnectionLost extends Error {}

export function hasStatus(error: unknown, ...statuses: number[]): error is StatusError {
  return error instanceof StatusError && statuses.includes(error.status);
}

/** `null` where the server says that there is no such file or folder. */
export async function orNull<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (hasStatus(error, STATUS.noSuchFile)) return null;
    throw error;
  }
}

/** Runs `act` and turns what it throws into errors that name the backend, the operation and the object. */
export async function explained<T>(call: FailedCall, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (thrown) {
    const error = translated(thrown);
    if (!isValenceError(error) || !isBackendCode(error.code)) throw error;
    throw backendError(error.code, call, error.message, {
      hint: error.hint,
      context: error.context,
      cause: error.cause ?? error,
    });
  }
}

function isBackendCode(code: string): code is BackendErrorCode {
  return code.startsWith('backend/');
}

function translated(error: unknown): unknown {
  if (error instanceof ConnectionLost) return lost(error);
  return error instanceof StatusError ? refused(error) : error;
}

export function fullError(cause: unknown): ValenceError {
  return new ValenceError('backend/full', 'no space left on the server, or the quota is used up', {
    hint: 'free some space there, then run the command again',
    cause,
  });
}

function lost(error: ConnectionLost): ValenceError {
  return new ValenceError('backend/unavailable', `the connection was lost: ${printable(error.message)}`, {
    hint: 'see that the server runs and the network is up, then run the command again',
    cause: error,
  });
}

function refused(error: StatusError): ValenceError {
  const context = { sftpStatus: error.status };
  switch (error.status) {
    case STATUS.permissionDenied:
      return new ValenceError('backend/denied', 'the server denies permission', {
        hint: 'see that the user may read and write in this folder of the server',
        context,
        cause: error,
      });
    case STATUS.noSuchFile:
      return new ValenceError('backend/unavailable', 'no such file or folder on the server', { context, cause: error });
    default:
      return namesFullDisk(error.message)
        ? fullError(error)
        : new ValenceError('backend/unavailable', `the server answers: ${printable(error.message)}`, {
            context,
            cause: error,
          });
  }
}

/** Version 3 has no code for a full disk, so some servers say it in words. OpenSSH says only `Failure`. */
function namesFullDisk(message: string): boolean {
  return /no space|not enough space|disk full|quota/i.test(message);
}

const MESSAGE_CHARACTERS_MAX = 200;

/** A server's words must not steer the terminal that shows them. */
export function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]+/g, ' ').slice(0, MESSAGE_CHARACTERS_MAX);
}
