import { afterAll, beforeAll, describe } from 'vitest';
import type { SshServer } from '../support/servers/sshd.ts';
import { startSshd } from '../support/servers/sshd.ts';
import { sftpInNewFolder } from '../support/sftp-fixture.ts';
import { describeBackendContract } from './backend-contract.ts';

describe.each([
  ['OpenSSH', {}],
  ['a server without extensions', { sftp: '-P hardlink,fsync,statvfs,posix-rename,limits' }],
] as const)('%s', (_, options) => {
  let server: SshServer;
  beforeAll(async () => {
    server = await startSshd(options);
  });
  afterAll(() => server[Symbol.asyncDispose]());

  describeBackendContract('SFTP', async () => (await sftpInNewFolder(server)).backend);
});
