import { connect as connectSocket } from 'node:net';
import type { Algorithms, Client, ClientErrorExtensions, ServerHostKeyAlgorithm } from 'ssh2';
import { ValenceError } from '../../core/errors.ts';
import { printable } from './answers.ts';
import { HostKeyRefused } from './host-key.ts';
import type { LoginMethod } from './login.ts';
import { Session } from './session.ts';
import { ssh2 } from './ssh2.ts';

export interface Target {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly methods: LoginMethod[];
  readonly keepaliveMs: number;
}

export interface ConnectOptions {
  /** Of the host keys. */
  readonly algorithms: readonly ServerHostKeyAlgorithm[];
  readonly accepts: (hostKey: Uint8Array) => boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Nothing with SHA-1, no CBC, no compression: what OpenSSH 6.5 (2014) and everything since can do. */
const ALGORITHMS: Algorithms = {
  kex: [
    'curve25519-sha256',
    'curve25519-sha256@libssh.org',
    'ecdh-sha2-nistp256',
    'ecdh-sha2-nistp384',
    'ecdh-sha2-nistp521',
    'diffie-hellman-group16-sha512',
    'diffie-hellman-group18-sha512',
    'diffie-hellman-group-exchange-sha256',
    'diffie-hellman-group14-sha256',
  ],
  cipher: [
    'aes128-gcm@openssh.com',
    'aes256-gcm@openssh.com',
    'chacha20-poly1305@openssh.com',
    'aes128-ctr',
    'aes192-ctr',
    'aes256-ctr',
  ],
  hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256', 'hmac-sha2-512'],
  compress: ['none'],
};

/** For the connection, the host key and the login together. */
const READY_MS = 20_000;

/**
 * Connects, proves both sides to each other and starts SFTP.
 * @throws HostKeyRefused, before anything secret is sent; `backend/denied` if the login is refused; `backend/unavailable`
 */
export async function connect(target: Target, { algorithms, accepts, signal }: ConnectOptions): Promise<Session> {
  const { Client } = await ssh2();
  const client = new Client();
  // Our own, since a client that has ended can no longer destroy its socket.
  const socket = connectSocket({ host: target.host, port: target.port, noDelay: true });
  let lastError: Error | null = null;
  let refused: Uint8Array | null = null;
  const connected = new AbortController();
  try {
    signal?.throwIfAborted();
    return await new Promise<Session>((resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason as Error), { signal: connected.signal });
      client.on('error', (error) => {
        lastError = error;
        reject(refused === null ? connectError(error) : new HostKeyRefused(refused));
      });
      client.once('close', () => reject(unavailable('the server closed the connection', null)));
      client.once('ready', () =>
        startSftp(client, (sftp) => resolve(new Session({ client, socket, lastError: () => lastError }, sftp)), reject),
      );
      client.connect({
        sock: socket,
        username: target.user,
        authHandler: target.methods,
        algorithms: { ...ALGORITHMS, serverHostKey: [...algorithms] },
        readyTimeout: READY_MS,
        keepaliveInterval: target.keepaliveMs,
        hostVerifier: (key: Buffer) => {
          if (accepts(key)) return true;
          refused = key;
          return false;
        },
      });
    });
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    connected.abort();
  }
}

type StartedSftp = ConstructorParameters<typeof Session>[1];

function startSftp(client: Client, started: (sftp: StartedSftp) => void, failed: (error: Error) => void): void {
  try {
    client.sftp((error, sftp) => {
      if (error === undefined) started(sftp);
      else failed(noSftp(error));
    });
  } catch (error) {
    failed(noSftp(error));
  }
}

function connectError(error: Error & ClientErrorExtensions): ValenceError {
  const reason = printable(error.message);
  switch (error.level) {
    case 'agent':
      return denied('the ssh-agent cannot be asked', 'see that it runs and that SSH_AUTH_SOCK names its socket', error);
    case 'client-authentication':
      return refusedLogin(error);
    case 'handshake':
      return unavailable(reason, error, {
        hint: 'the server offers only methods that are no longer safe; bring its SSH up to date',
        transient: false,
      });
    case 'client-timeout':
      return unavailable('the server does not answer', error);
    default:
      return /authentication fail/i.test(reason) ? refusedLogin(error) : unavailable(reason, error);
  }
}

function refusedLogin(cause: Error): ValenceError {
  const hint = 'see that the user name is right and that the server knows this key or password';
  return denied('the server refuses the login', hint, cause);
}

function noSftp(cause: unknown): ValenceError {
  return unavailable('the server does not start SFTP', cause, {
    hint: 'switch SFTP on at the server (Subsystem sftp internal-sftp)',
    transient: false,
  });
}

function denied(message: string, hint: string, cause: Error): ValenceError {
  return new ValenceError('backend/denied', message, { hint, cause });
}

function unavailable(
  message: string,
  cause: unknown,
  { hint, transient }: { hint?: string; transient?: boolean } = {},
): ValenceError {
  return new ValenceError('backend/unavailable', `cannot connect: ${message}`, {
    hint: hint ?? 'see that the server runs and can be reached, then run the command again',
    context: transient === undefined ? {} : { transient },
    cause,
  });
}
