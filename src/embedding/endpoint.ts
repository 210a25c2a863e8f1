import type { Clock, Timer } from '../core/clock.ts';
import { ValenceError } from '../core/errors.ts';
import { safeExcerpt } from './safe-excerpt.ts';

/** One URL that is called by POST with JSON, and nothing but its bytes. */

export interface EndpointOptions {
  /** How errors call it, e.g. `embedder nomic at localhost:11434`. */
  readonly name: string;
  readonly url: URL;
  /** A secret; null: none is sent. */
  readonly key: string | null;
  /** For the head and body of one answer together. */
  readonly timeoutMs: number;
  readonly timer: Timer;
  /** Tells how long it is until a date that `Retry-After` names. */
  readonly clock: Clock;
}

export interface EndpointAnswer {
  readonly status: number;
  readonly body: string;
  /** Milliseconds that the server asks for, or null. */
  readonly retryAfterMs: number | null;
}

/** Longer is not waited, whatever a server asks. */
const RETRY_AFTER_MS_MAX = 60_000;

/**
 * Makes one call, once. `bytesMax` bounds what is read of the answer. @throws `embedding/unavailable` when there is no
 * answer in time, `embedding/malformed` when it is too long or no text, the reason of `signal`
 */
export async function post(
  endpoint: EndpointOptions,
  body: unknown,
  bytesMax: number,
  signal?: AbortSignal,
): Promise<EndpointAnswer> {
  signal?.throwIfAborted();
  const limit = new AbortController();
  const callOff = endpoint.timer.after(endpoint.timeoutMs, () => limit.abort());
  try {
    const response = await fetch(endpoint.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json',
        ...(endpoint.key === null ? {} : { authorization: `Bearer ${endpoint.key}` }),
      },
      body: JSON.stringify(body),
      // Texts and key go to the host that was named, and to no other.
      redirect: 'manual',
      signal: signal === undefined ? limit.signal : AbortSignal.any([signal, limit.signal]),
    });
    const bytes = await readAtMost(response, bytesMax);
    if (bytes === null) throw tooLong(endpoint, bytesMax);
    const retryAfterMs = readRetryAfter(response.headers.get('retry-after'), endpoint.clock);
    return { status: response.status, body: bytes.toString(), retryAfterMs };
  } catch (error) {
    signal?.throwIfAborted();
    throw error instanceof ValenceError ? error : unreachable(endpoint, error, limit.signal.aborted);
  } finally {
    callOff();
  }
}

/** `null`: it has more. */
async function readAtMost(response: Response, limit: number): Promise<Buffer | null> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  const body: AsyncIterable<Uint8Array> = response.body ?? ReadableStream.from<Uint8Array>([]);
  for await (const piece of body) {
    length += piece.length;
    if (length > limit) return null;
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** RFC 9110 10.2.3: seconds, or a date. */
function readRetryAfter(header: string | null, clock: Clock): number | null {
  if (header === null) return null;
  const delayMs = /^\d{1,9}$/.test(header) ? Number(header) * 1000 : Date.parse(header) - clock.now();
  return Number.isNaN(delayMs) ? null : Math.min(Math.max(delayMs, 0), RETRY_AFTER_MS_MAX);
}

function tooLong({ name }: EndpointOptions, bytesMax: number): ValenceError {
  return new ValenceError('embedding/malformed', `${name}: the answer is longer than ${bytesMax} bytes`);
}

function unreachable({ name, timeoutMs, key }: EndpointOptions, cause: unknown, isLate: boolean): ValenceError {
  const reason = isLate ? `no answer within ${timeoutMs / 1000} s` : safeExcerpt(reasonOf(cause), key);
  return new ValenceError('embedding/unavailable', `${name}: ${reason}`, {
    hint: isLate ? 'raise timeout of the embedder in valence.yaml, or lower batch' : 'see that it runs, and where',
    cause: isLate ? undefined : cause,
  });
}

/** What `fetch` throws says nothing itself; the error of the system is below it, sometimes several for several addresses. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause;
  if (!(first instanceof Error)) return 'the connection broke';
  return first.message === '' ? first.name : first.message;
}
