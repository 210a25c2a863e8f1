import type { Clock } from '../../core/clock.ts';
import { systemClock } from '../../core/clock.ts';
import type { Random } from '../../core/random.ts';
import { systemRandom } from '../../core/random.ts';
import type { Backend } from '../backend.ts';
import { explained } from './answers.ts';
import type { PinHostKey } from './connection.ts';
import { Connection, hostKeyOf } from './connection.ts';
import type { SftpAuth } from './login.ts';
import { loginMethods } from './login.ts';
import { openRoot } from './remote-root.ts';
import { SftpBackend } from './sftp-backend.ts';

export interface SftpOptions {
  /** How errors call this backend. */
  readonly name: string;
  readonly host: string;
  /** 22 unless given. */
  readonly port?: number | undefined;
  readonly user: string;
  /** The folder that holds the objects; a relative one is taken from the folder that the user logs in to. */
  readonly folder: string;
  readonly auth: SftpAuth;
  /** The fingerprint of the server's key, `SHA256:…`. Any of its keys will do. */
  readonly hostKey?: string | undefined;
  /** Asked on first use, where no `hostKey` is given. Without either, no server is trusted. */
  readonly pinHostKey?: PinHostKey | undefined;
  /** Refuse a missing folder, which may be a disk that is not mounted, instead of making it. */
  readonly mustExist: boolean;
  /** A server that answers nothing for three times this long is taken for gone. Ten seconds unless given. */
  readonly keepaliveMs?: number | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

/** Without, a pulled cable shows after hours. */
const KEEPALIVE_MS = 10_000;

/**
 * A folder of an SFTP server as a backend: the object `shards/ab/xyz` is the file of that path in it. Symbolic links in
 * the folder are never followed; files whose path is no object name are passed over. It connects at once, and anew when a
 * call finds the connection lost.
 * @throws `backend/denied` where the host key is not the pinned one or was not accepted, or the login is refused;
 * `backend/unavailable` where the server cannot be reached, or the folder is missing and must exist
 */
export async function openSftp(options: SftpOptions): Promise<Backend> {
  const { name, host, user, folder, mustExist } = options;
  const { port = 22, keepaliveMs = KEEPALIVE_MS, clock = systemClock, random = systemRandom } = options;
  return explained({ backend: name, operation: 'open' }, async () => {
    const target = { host, port, user, methods: await loginMethods(user, options.auth), keepaliveMs };
    const hostKey = await hostKeyOf(target, { pinned: options.hostKey, pin: options.pinHostKey });
    const connection = new Connection(target, hostKey);
    try {
      const root = await openRoot(await connection.session(), { folder, mustExist, random });
      const location = locationOf({ user, host, port, folder });
      return new SftpBackend({ name, location, connection, root, clock, random });
    } catch (error) {
      await connection.close();
      throw error;
    }
  });
}

/** `sftp://user@host:port/folder`; a folder below that of the login is written `/~/folder`. */
function locationOf({
  user,
  host,
  port,
  folder,
}: Pick<Required<SftpOptions>, 'user' | 'host' | 'folder'> & { port: number }): string {
  const authority = `${encodeURIComponent(user)}@${host.includes(':') ? `[${host}]` : host}:${port}`;
  return `sftp://${authority}${folder.startsWith('/') ? folder : `/~/${folder}`}`;
}
