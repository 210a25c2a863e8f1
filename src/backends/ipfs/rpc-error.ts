import type { ValenceError } from '../../core/errors.ts';
import { isValenceError } from '../../core/errors.ts';
import type { BackendErrorCode, FailedCall } from '../backend-error.ts';
import { backendError } from '../backend-error.ts';
import { LostBlock } from './verified-blocks.ts';

/** Errors of Kubo's RPC, of `fetch` and of damaged nodes, told as those of a backend. Kubo itself has no error codes. */

const IS_IT_RUNNING = 'is the IPFS daemon running? start it with `ipfs daemon`, or set `api` to where it listens';
const NO_SPACE = /no space left|disk quota|quota exceeded|storage ?max/i;
/** Of a connection that cannot come about however often it is tried. */
const LASTING = new Set([
  'ENOTFOUND',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_HAS_EXPIRED',
]);

/** Whatever a call threw, as the error of this call. */
export function ipfsError(error: unknown, call: FailedCall): ValenceError {
  if (error instanceof LostBlock) {
    const code = call.operation === 'get' && !error.mayComeBack ? 'backend/not-found' : 'backend/unavailable';
    return backendError(code, call, error.message, {
      hint: error.mayComeBack ? 'start the node that has it, or name a gateway' : 'repair puts it there again',
      transient: error.mayComeBack ? undefined : false,
      cause: error,
    });
  }
  if (isValenceError(error)) return named(error, call);
  const status = statusOf(error);
  if (status !== null && status !== 500) return refusal(error, status, call);
  const reason = messageOf(error);
  if (status === 500 && NO_SPACE.test(reason)) {
    return backendError('backend/full', call, 'the node has no space left', {
      hint: 'free space where the IPFS repository lies, then run the command again',
      cause: error,
    });
  }
  if (status === 500) return backendError('backend/unavailable', call, reason, { cause: error });
  const systemCode = systemCodeOf(error);
  return backendError('backend/unavailable', call, `no answer (${systemCode ?? reason})`, {
    hint: IS_IT_RUNNING,
    context: { systemCode },
    transient: systemCode !== null && LASTING.has(systemCode) ? false : undefined,
    cause: error,
  });
}

/** What Kubo said, in one line. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const line = text.replaceAll('"', '').trim().split('\n', 1)[0] ?? '';
  return line.slice(0, 200);
}

/** The HTTP status of an answer that Kubo or something before it gave; `null` when there was none. */
export function statusOf(error: unknown): number | null {
  return responseOf(error)?.status ?? null;
}

/** Milliseconds of a `Retry-After` in seconds; its other form, a date, is left to the usual pause. */
export function retryAfterMsOf(response: Response | null): number | undefined {
  const seconds = response?.headers.get('retry-after') ?? '';
  return /^\d{1,6}$/.test(seconds) ? Number(seconds) * 1000 : undefined;
}

/** Nodes that cannot be read are damage or not ours, and stay so. */
function named(error: ValenceError, call: FailedCall): ValenceError {
  if (error.context['backend'] !== undefined || !/^(backend|format)\//.test(error.code)) return error;
  const { message, hint, context, cause = error } = error;
  const code = error.code.startsWith('format/') ? 'backend/unavailable' : (error.code as BackendErrorCode);
  const isLasting = code === 'backend/unavailable' && context['transient'] === undefined;
  return backendError(code, call, message, { hint, context, cause, ...(isLasting ? { transient: false } : {}) });
}

function refusal(error: unknown, status: number, call: FailedCall): ValenceError {
  if (status === 401 || status === 403) {
    return backendError('backend/denied', call, `the node refuses (${status})`, {
      hint: "check `auth` against API.Authorizations in the node's configuration, and the paths it allows",
      cause: error,
    });
  }
  const isBusy = status === 429 || status >= 500;
  return backendError('backend/unavailable', call, `the node answers ${status}`, {
    hint: isBusy ? undefined : 'is `api` the address of the RPC of a Kubo node, and not of its gateway?',
    transient: isBusy ? undefined : false,
    retryAfterMs: retryAfterMsOf(responseOf(error)),
    cause: error,
  });
}

function responseOf(error: unknown): Response | null {
  const response = error instanceof Error && 'response' in error ? error.response : null;
  return response instanceof Response ? response : null;
}

/** Node's `fetch` says only "fetch failed"; what happened is in its cause. */
function systemCodeOf(error: unknown): string | null {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ('code' in at && typeof at.code === 'string') return at.code;
    if (at instanceof AggregateError && at.errors.length > 0) return systemCodeOf(at.errors[0]);
  }
  return null;
}

/** Whether Kubo answered with this message. */
export function saysThat(error: unknown, message: RegExp): boolean {
  return statusOf(error) !== null && message.test(messageOf(error));
}
