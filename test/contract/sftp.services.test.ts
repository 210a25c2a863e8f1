import { execFileSync } from 'node:child_process';
import { access, mkdir, readFile, readdir, rename, symlink, utimes, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, relative } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { SftpOptions } from '../../src/backends/sftp/open-sftp.ts';
import { openSftp } from '../../src/backends/sftp/open-sftp.ts';
import type { ValenceError } from '../../src/core/errors.ts';
import { rejection } from '../support/expect-code.ts';
import { runServer, serverProgram } from '../support/servers/server-process.ts';
import type { SshServer } from '../support/servers/sshd.ts';
import { startSshd } from '../support/servers/sshd.ts';
import { sftpInNewFolder, sftpOptions } from '../support/sftp-fixture.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { describeBackendContract, listed, pattern, same } from './backend-contract.ts';

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

describe('an SFTP server', () => {
  let server: SshServer;
  beforeAll(async () => {
    server = await startSshd({ hostKeys: ['ed25519', 'ecdsa', 'rsa'] });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  async function opens(more: Partial<SftpOptions>): Promise<void> {
    await using backend = await openSftp(await sftpOptions(server, more));
    expect(await listed(backend, 'nothing/')).toEqual([]);
  }

  async function refuses(more: Partial<SftpOptions>): Promise<ValenceError> {
    const error = await rejection(opens(more), 'backend/denied');
    expect(error.context).toMatchObject({ backend: 'nas', operation: 'open' });
    return error;
  }

  describe('lets in', () => {
    test('a key with a passphrase', async () => {
      const passphrase = 'correct horse';
      const privateKey = await lockedKey(server, passphrase);
      await opens({ auth: { kind: 'key', privateKey, passphrase } });
      const wrong = await refuses({ auth: { kind: 'key', privateKey, passphrase: 'battery staple' } });
      expect(wrong.message).toBe('backend nas: open: the passphrase of the private key is wrong');
      const missing = await refuses({ auth: { kind: 'key', privateKey } });
      expect(missing.message).toBe('backend nas: open: the private key has a passphrase');
    });

    test('a key that an agent holds', async () => {
      await using agent = await startAgent();
      const auth = { kind: 'agent', socket: agent.socket } as const;
      await refuses({ auth });
      agent.add(server.privateKeyFile);
      await opens({ auth });
    });

    test('nobody by a key it does not know', async () => {
      const error = await refuses({ auth: { kind: 'key', privateKey: server.strangerKey } });
      expect(error.message).toBe('backend nas: open: the server refuses the login');
    });

    test('nobody by an agent that does not run', async () => {
      const error = await refuses({ auth: { kind: 'agent', socket: '/nowhere/agent' } });
      expect(error.message).toBe('backend nas: open: the ssh-agent cannot be asked');
    });

    test('nobody by a password where it takes none, and the password is in no error', async () => {
      const error = await refuses({ auth: { kind: 'password', password: 'tr0ub4dor' } });
      expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('tr0ub4dor');
    });

    test('nobody by what is no private key', async () => {
      for (const privateKey of ['', 'not a key', await readFile(`${server.privateKeyFile}.pub`, 'utf8')]) {
        const { message } = await refuses({ auth: { kind: 'key', privateKey } });
        expect(message).toMatch(/^backend nas: open: the identity is (no private key that can be read|a public key)$/);
      }
    });
  });

  describe('shows its host key', () => {
    test.for(['ed25519', 'ecdsa', 'rsa'] as const)('and any that is pinned will do: %s', async (type) => {
      await opens({ hostKey: await server.fingerprint(type) });
    });

    test('and on first use its fingerprint is asked about, once', async () => {
      const asked: string[] = [];
      const pinHostKey = async (fingerprint: string): Promise<boolean> => asked.push(fingerprint) === 1;
      await using backend = await openSftp(await sftpOptions(server, { hostKey: undefined, pinHostKey }));
      expect(asked).toEqual([await server.fingerprint()]);
      await server.dropConnections();
      await vi.waitUntil(async () => (await backend.stat('x').catch(() => 'lost')) === null);
      expect(asked.length).toBe(1);
    });

    test('and without consent nothing goes on', async () => {
      const shown = await server.fingerprint();
      for (const pinHostKey of [undefined, async () => false]) {
        const error = await refuses({ hostKey: undefined, pinHostKey });
        expect(error.message).toBe(`backend nas: open: the host key ${shown} of the server was not accepted`);
        expect(error.hint).toContain('ssh-keygen -lf');
      }
    });

    test('and another than the pinned one is refused before the login', async () => {
      const pinned = `SHA256:${'A'.repeat(43)}`;
      const auth = { kind: 'password', password: 'tr0ub4dor' } as const;
      const error = await refuses({ hostKey: pinned, auth });
      expect(error.message).toBe(
        `backend nas: open: the server shows the host key ${await server.fingerprint()}, not ${pinned}`,
      );
      expect(error.hint).toContain('another machine answers in its place');
      expect(server.output()).not.toContain('Failed password');
    });
  });

  describe('has a folder', () => {
    test('that is not made when it must exist', async () => {
      const folder = join(server.folder, 'missing/a');
      const error = await rejection(opens({ folder }), 'backend/unavailable');
      expect(error.message).toBe(`backend nas: open: ${folder} is not there`);
      expect(await readdir(server.folder)).not.toContain('missing');
      await opens({ folder, mustExist: false });
      await opens({ folder });
    });

    test('and nothing else', async () => {
      await writeFile(join(server.folder, 'file'), 'x');
      for (const mustExist of [true, false]) {
        await rejection(opens({ folder: join(server.folder, 'file'), mustExist }), 'backend/unavailable');
      }
    });

    test('relative to that of the login', async () => {
      const folder = relative(homedir(), server.folder);
      await using backend = await openSftp(await sftpOptions(server, { folder }));
      expect(backend.location).toBe(`sftp://${server.user}@127.0.0.1:${server.port}/~/${folder}`);
      await backend.put('relative', pattern(3));
      expect(await readdir(server.folder)).toContain('relative');
    });

    test('reached through a link', async () => {
      await mkdir(join(server.folder, 'disk'));
      await symlink('disk', join(server.folder, 'link'));
      await using backend = await openSftp(await sftpOptions(server, { folder: join(server.folder, 'link') }));
      await backend.put('x', pattern(3));
      expect(await readdir(join(server.folder, 'disk'))).toContain('x');
    });

    test.for(['missing', 'another folder'])('and every call says so when it is %s', async (what) => {
      const { backend: opened, path } = await sftpInNewFolder(server);
      await using backend = opened;
      await backend.put('shards/ab/one', pattern(3));
      await rename(path, `${path}-elsewhere`);
      if (what === 'another folder') await mkdir(path);
      const gone = { code: 'backend/unavailable', context: { backend: 'nas', path } };
      await expect(backend.get('shards/ab/one')).rejects.toMatchObject(gone);
      await expect(backend.stat('shards/ab/one')).rejects.toMatchObject(gone);
      await expect(backend.delete('shards/ab/one')).rejects.toMatchObject(gone);
      await expect(listed(backend, '')).rejects.toMatchObject(gone);
      await expect(listed(backend, 'shards/')).rejects.toMatchObject(gone);
      await expect(backend.put('shards/ab/two', pattern(3))).rejects.toMatchObject(gone);
      await expect(backend.put('two', pattern(3))).rejects.toMatchObject(gone);
      if (what === 'another folder') expect(await readdir(path)).toEqual([]);
    });

    test('whose mark serves the next process too, also one that cannot write', async () => {
      const { backend, path } = await sftpInNewFolder(server);
      await backend.put('x', pattern(3));
      await backend[Symbol.asyncDispose]();
      expect(await readdir(path)).toEqual([expect.stringMatching(/^\.valence-root-[0-9a-f]{32}$/), 'x']);
      await using again = await openSftp(await sftpOptions(server, { folder: path }));
      await again.put('y', pattern(3));
      expect((await readdir(path)).length).toBe(3);
      await rename(path, `${path}-elsewhere`);
      await mkdir(path);
      await expect(again.stat('x')).rejects.toMatchObject({ code: 'backend/unavailable' });
    });
  });

  test('its links are never followed, and what is not ours is passed over', async () => {
    const { backend: opened, path } = await sftpInNewFolder(server);
    await using backend = opened;
    const outside = `${path}-outside`;
    await mkdir(join(outside, 'ab'), { recursive: true });
    await writeFile(join(outside, 'secret'), 'secret');
    await symlink(outside, join(path, 'shards'));
    await symlink(join(outside, 'secret'), join(path, 'valence.json'));
    await mkdir(join(path, 'lost+found'));
    for (const name of ['README', '.DS_Store', '.tmp-1', 'lost+found/x']) await writeFile(join(path, name), 'x');

    expect(await listed(backend, '')).toEqual([]);
    expect(await listed(backend, 'shards/')).toEqual([]);
    for (const name of ['shards/secret', 'valence.json']) {
      expect(await backend.stat(name)).toBe(null);
      await expect(backend.get(name)).rejects.toMatchObject({ code: 'backend/not-found' });
      await backend.delete(name);
    }
    await expect(backend.put('shards/ab/one', pattern(3))).rejects.toMatchObject({ code: 'backend/unavailable' });
    await expect(backend.put('valence.json', pattern(3))).rejects.toMatchObject({ code: 'backend/already-exists' });
    expect(await readdir(outside)).toEqual(['ab', 'secret']);
    expect(await readFile(join(outside, 'secret'), 'utf8')).toBe('secret');
  });

  test('two connections that put the same names: one wins each', async () => {
    const { backend: one, path } = await sftpInNewFolder(server);
    const two = await openSftp(await sftpOptions(server, { folder: path }));
    const names = Array.from({ length: 40 }, (_, i) => `shards/${10 + i}/x`);
    const won = await Promise.all(
      [one, two].map(async (backend, seed) => {
        const results = await Promise.allSettled(names.map((name) => backend.put(name, pattern(5000, seed))));
        return names.filter((_, i) => results[i]!.status === 'fulfilled');
      }),
    );
    expect(won.flat().toSorted()).toEqual(names);
    for (const [seed, mine] of won.entries()) {
      for (const name of mine) expect(same(await two.get(name), pattern(5000, seed))).toBe(true);
    }
    await one[Symbol.asyncDispose]();
    await two[Symbol.asyncDispose]();
    expect((await readdir(path)).filter((name) => name.startsWith('.tmp-'))).toEqual([]);
  });

  test('temporary files go once they are a day old, when something is written', async () => {
    const now = 1_700_000_000_000;
    const { backend: opened, path } = await sftpInNewFolder(server, { clock: { now: () => now } });
    await using backend = opened;
    const ages = { '.tmp-old': 86_402_000, '.tmp-young': 86_398_000, other: 99_000_000 };
    for (const [name, age] of Object.entries(ages)) {
      await writeFile(join(path, name), 'x');
      await utimes(join(path, name), (now - age) / 1000, (now - age) / 1000);
    }
    await listed(backend, '');
    expect(await readdir(path)).toContain('.tmp-old');
    await backend.put('x', pattern(3));
    expect((await readdir(path)).filter((name) => !name.startsWith('.valence'))).toEqual(['.tmp-young', 'other', 'x']);
  });

  test('traits tell when puts of two processes are not told apart', async () => {
    await using plain = await startSshd({ sftp: '-P hardlink' });
    const { backend: opened } = await sftpInNewFolder(plain);
    await using backend = opened;
    expect(backend.traits.conditionalPut).toBe(true);
    await backend.put('x', pattern(3));
    expect(backend.traits.conditionalPut).toBe(false);
  });
});

async function lockedKey(server: SshServer, passphrase: string): Promise<string> {
  await using folder = await temporaryFolder();
  const copy = join(folder.path, 'key');
  await writeFile(copy, server.privateKey, { mode: 0o600 });
  execFileSync('ssh-keygen', ['-q', '-p', '-P', '', '-N', passphrase, '-f', copy]);
  return await readFile(copy, 'utf8');
}

async function startAgent(): Promise<AsyncDisposable & { readonly socket: string; add(keyFile: string): void }> {
  const folder = await temporaryFolder();
  const socket = join(folder.path, 'agent');
  const running = await runServer({
    program: serverProgram('ssh-agent'),
    parameters: ['-D', '-a', socket],
    folder: folder.path,
    answers: () => access(socket),
  });
  return {
    socket,
    add: (keyFile) => void execFileSync('ssh-add', ['-q', keyFile], { env: { ...process.env, SSH_AUTH_SOCK: socket } }),
    async [Symbol.asyncDispose]() {
      await running[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}
