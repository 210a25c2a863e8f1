/**
 * The one error type of the project. Everything that can go wrong for a user has a stable code; callers match on the
 * code, never on the message. `cli/exit.ts` alone maps codes to exit statuses (docs/errors.md).
 */

export type ErrorCode =
  | 'usage/invalid'
  | 'key/passphrase'
  | 'key/wrong-key'
  | 'config/invalid'
  | 'config/no-home'
  | 'config/no-keys'
  | 'config/home-exists'
  | 'home/locked'
  | 'backend/unavailable'
  | 'backend/denied'
  | 'backend/not-found'
  | 'backend/already-exists'
  | 'backend/invalid-range'
  | 'backend/full'
  | 'backend/locked'
  | 'backend/archived'
  | 'backend/foreign-vault'
  | 'backend/second-writer'
  | 'integrity/authentication-failed'
  | 'integrity/too-few-shards'
  | 'integrity/chain-broken'
  | 'integrity/change-log'
  | 'format/malformed'
  | 'format/newer'
  | 'database/unavailable'
  | 'database/failed'
  | 'database/read-only'
  | 'database/target-not-empty'
  | 'database/newer-schema'
  | 'graph/not-found'
  | 'graph/refused'
  | 'import/invalid'
  | 'embedding/unavailable'
  | 'embedding/refused'
  | 'embedding/malformed'
  | 'cancelled'
  | 'internal/invariant';

export interface ErrorDetails {
  /** What the user can do about it, one sentence. */
  readonly hint?: string | undefined;
  /** Secret-free facts for `--json`. */
  readonly context?: Readonly<Record<string, unknown>> | undefined;
  readonly cause?: unknown;
}

/** What failed (`message`: lower case, no full stop) and what to do (`hint`). Never carries a secret. */
export class ValenceError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly context: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.name = 'ValenceError';
    this.code = code;
    this.hint = details.hint;
    this.context = details.context ?? {};
  }
}

/** True for a `ValenceError` with one of the given codes (any code when none is given). */
export function isValenceError(error: unknown, ...codes: ErrorCode[]): error is ValenceError {
  return error instanceof ValenceError && (codes.length === 0 || codes.includes(error.code));
}

/** A programmer's error: throws `internal/invariant` unless `condition` holds. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new ValenceError('internal/invariant', message);
}
