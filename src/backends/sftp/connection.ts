import type { ServerHostKeyAlgorithm } from 'ssh2';
import { invariant } from '../../core/errors.ts';
import { ConnectionLost } from './answers.ts';
import { connect } from './connect.ts';
import type { Target } from './connect.ts';
import {
  HOST_KEY_ALGORITHMS,
  HostKeyRefused,
  algorithmsAfter,
  fingerprintOf,
  hostKeyChanged,
  hostKeyUnknown,
} from './host-key.ts';
import type { Session } from './session.ts';

/** Whether to trust the host key with this fingerprint from now on; whoever says so also remembers it. */
export type PinHostKey = (fingerprint: string) => Promise<boolean>;

const CLOSE_MS = 2000;

/** One connection at a time to one server, made when it is needed: after a loss the next call connects again. */
export class Connection {
  readonly #target: Target;
  readonly #pinned: string;
  #session: Promise<Session> | null = null;
  readonly #closing = new AbortController();

  constructor(target: Target, pinned: string) {
    this.#target = target;
    this.#pinned = pinned;
  }

  /** The session that is open, or a new one. Calls share it, also while it is being made. */
  async session(): Promise<Session> {
    invariant(!this.#closing.signal.aborted, 'the backend was disposed of');
    const current = this.#session;
    if (current !== null) {
      const session = await current;
      if (!session.isLost) return session;
    }
    if (this.#session === null || this.#session === current) this.#session = this.#start();
    return this.#session;
  }

  async close(): Promise<void> {
    this.#closing.abort(new ConnectionLost('the backend was disposed of'));
    const session = await this.#session?.catch(() => null);
    await session?.close(CLOSE_MS);
  }

  #start(): Promise<Session> {
    const session = connectPinned(this.#target, this.#pinned, this.#closing.signal);
    session.catch(() => {
      if (this.#session === session) this.#session = null;
    });
    return session;
  }
}

/**
 * The fingerprint to hold the server to: `pinned`, or on first use the one it shows, if `pin` agrees. Nothing but the key
 * exchange takes place meanwhile, and no connection waits for the answer.
 * @throws `backend/denied` if it is not accepted
 */
export async function hostKeyOf(
  target: Target,
  { pinned, pin }: { readonly pinned: string | undefined; readonly pin: PinHostKey | undefined },
): Promise<string> {
  if (pinned !== undefined) return pinned.trim().replace(/=+$/, '');
  const shown = await shownHostKey(target);
  if (pin === undefined || !(await pin(shown))) throw hostKeyUnknown(shown);
  return shown;
}

async function shownHostKey(target: Target): Promise<string> {
  const connecting = connect(target, { algorithms: HOST_KEY_ALGORITHMS, accepts: () => false });
  const refused: unknown = await connecting.then(
    () => null,
    (error: unknown) => error,
  );
  if (refused instanceof HostKeyRefused) return fingerprintOf(refused.key);
  throw refused;
}

/** A server has keys of several kinds, and the pinned one may be another than it shows first. */
async function connectPinned(target: Target, pinned: string, signal: AbortSignal): Promise<Session> {
  let algorithms: readonly ServerHostKeyAlgorithm[] = HOST_KEY_ALGORITHMS;
  let first: HostKeyRefused | null = null;
  while (algorithms.length > 0) {
    try {
      return await connect(target, { algorithms, accepts: (key) => fingerprintOf(key) === pinned, signal });
    } catch (error) {
      if (first === null && !(error instanceof HostKeyRefused)) throw error;
      first ??= error as HostKeyRefused;
      // A server without further keys fails otherwise, and it is the first that the user must hear of.
      algorithms = error instanceof HostKeyRefused ? algorithmsAfter(error.key) : [];
    }
  }
  throw hostKeyChanged(fingerprintOf(first!.key), pinned);
}
