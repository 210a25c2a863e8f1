import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Backend } from '../../src/backends/backend.ts';
import type { SftpOptions } from '../../src/backends/sftp/open-sftp.ts';
import { openSftp } from '../../src/backends/sftp/open-sftp.ts';
import type { SshServer } from './servers/sshd.ts';

/** Options for a folder of the test server, which is trusted and lets us in. */
export async function sftpOptions(server: SshServer, more: Partial<SftpOptions> = {}): Promise<SftpOptions> {
  return {
    name: 'nas',
    host: server.host,
    port: server.port,
    user: server.user,
    folder: server.folder,
    auth: { kind: 'key', privateKey: server.privateKey },
    hostKey: await server.fingerprint(),
    mustExist: true,
    ...more,
  };
}

/** A backend in a new folder of its own, whose path on this machine is given too. */
export async function sftpInNewFolder(
  server: SshServer,
  more: Partial<SftpOptions> = {},
): Promise<{ readonly backend: Backend; readonly path: string }> {
  const path = join(server.folder, randomUUID());
  await mkdir(path);
  return { backend: await openSftp(await sftpOptions(server, { folder: path, ...more })), path };
}
