import { ValenceError, isValenceError } from '../core/errors.ts';
import type { ErrorCode, ErrorDetails } from '../core/errors.ts';

/** Errors of backends: each names the backend and the operation, and says whether another try may help. */

export type BackendErrorCode = Extract<ErrorCode, `backend/${string}`>;

export interface FailedCall {
  /** What the configuration calls the backend. */
  readonly backend: string;
  /** `put`, `get`, `stat`, `list`, `delete`, `lock` or `open`. */
  readonly operation: string;
  readonly object?: string | undefined;
}

export interface Failure extends Omit<ErrorDetails, 'context'> {
  readonly context?: Readonly<Record<string, unknown>> | undefined;
  /** Of `backend/unavailable`: false where the same call would fail again, e.g. a wrong region. */
  readonly transient?: boolean | undefined;
  /** What the store asked to be left alone for. */
  readonly retryAfterMs?: number | undefined;
}

/** `reason`: lower case, no full stop, no secret. */
export function backendError(
  code: BackendErrorCode,
  call: FailedCall,
  reason: string,
  failure: Failure = {},
): ValenceError {
  const { hint, context, cause, transient, retryAfterMs } = failure;
  const what = [call.operation, call.object].filter((word) => word !== undefined && word !== '').join(' ');
  return new ValenceError(code, `backend ${call.backend}: ${what}: ${reason}`, {
    hint,
    context: {
      ...context,
      ...call,
      ...(transient === undefined ? {} : { transient }),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    },
    cause,
  });
}

/** Whether the same call may succeed a moment later. */
export function isTransient(error: unknown): error is ValenceError {
  return isValenceError(error, 'backend/unavailable') && error.context['transient'] !== false;
}

/** Milliseconds that the store asked for, or null. */
export function retryAfterOf(error: ValenceError): number | null {
  const { retryAfterMs } = error.context;
  return typeof retryAfterMs === 'number' ? retryAfterMs : null;
}
