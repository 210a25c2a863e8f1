import { execFile } from 'node:child_process';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openValence } from '../../src/index.ts';
import type { SnapshotRecord } from '../../src/index.ts';
import type { KuboServer } from '../support/servers/kubo.ts';
import { startKubo } from '../support/servers/kubo.ts';
import type { SshServer } from '../support/servers/sshd.ts';
import { startSshd } from '../support/servers/sshd.ts';
import type { VersityServer } from '../support/servers/versitygw.ts';
import { startVersitygw } from '../support/servers/versitygw.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { beliefNumber, importLines, longText, onHome, PASSPHRASE } from '../support/vault-folders.ts';
import { jsonLines, runCli } from './run-cli.ts';
import type { CliResult } from './run-cli.ts';

/** One tier over a folder, a bucket, an IPFS node and an SSH host, all by the command line, against the real servers. */

const TIMEOUT_MS = 240_000;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let servers: { readonly s3: VersityServer; readonly ipfs: KuboServer; readonly ssh: SshServer };
let home: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  home = join(folder.path, 'home');
  const [s3, ipfs, ssh] = await Promise.all([startVersitygw(), startKubo(), startSshd()]);
  servers = { s3, ipfs, ssh };
  await s3.createBucket('vault', { objectLock: true });
  await using valence = openValence({ home, env: { VALENCE_PASSPHRASE: PASSPHRASE } });
  await valence.init();
  await valence.keys.init();
  await importLines(
    valence,
    Array.from({ length: 20 }, (_, i) => ({ id: beliefNumber(i + 1), content: longText(`${i}`, 15_000) })),
  );
}, TIMEOUT_MS);

afterAll(async () => {
  await Promise.all(Object.values(servers).map((server) => server[Symbol.asyncDispose]()));
  await folder[Symbol.asyncDispose]();
});

function config(...argv: string[]): Promise<CliResult> {
  return onHome({ home }, 'backup', 'config', ...argv);
}

async function done(result: Promise<CliResult>, exit: number = 0): Promise<Record<string, unknown>[]> {
  const { exit: ended, stdout, stderr } = await result;
  expect(ended, stderr).toBe(exit);
  return jsonLines(stdout);
}

describe('a tier over every kind of place', { timeout: TIMEOUT_MS }, () => {
  it('is configured, with secrets in files and the host key pinned when it is first seen', async () => {
    const { s3, ipfs, ssh } = servers;
    const key = join(folder.path, 's3.key');
    await writeFile(key, s3.secretAccessKey, { mode: 0o600 });
    await done(config('--add-backend', 'disk', '--path', join(folder.path, 'disk')));
    await done(
      config(
        ...[
          '--add-backend',
          'cloud',
          '--type',
          's3',
          '--endpoint',
          s3.endpoint,
          '--region',
          s3.region,
          '--bucket',
          'vault',
        ],
        ...['--prefix', 'ada', '--key-id', s3.accessKeyId, '--key', `file:${key}`, '--object-lock', 'governance'],
      ),
    );
    await done(config('--add-backend', 'ipfs', '--api', ipfs.api()));
    const path = join(ssh.folder, 'made', 'for', 'it');
    const address = ['--host', ssh.host, '--port', String(ssh.port), '--user', ssh.user, '--path', path];
    const [added] = await done(
      config('--add-backend', 'nas', '--type', 'sftp', ...address, '--identity', `file:${ssh.privateKeyFile}`),
    );
    expect(added).toMatchObject({ notes: [expect.stringContaining(await ssh.fingerprint())] });
    expect((await readFile(join(home, 'places', 'nas', 'host-key'), 'utf8')).trim()).toBe(await ssh.fingerprint());
    const [view] = await done(
      config('--tier', 'all', '--backends', 'disk,cloud,ipfs,nas', '--erasure', '2/4', '--lock', '1d'),
    );
    expect(view).toMatchObject({ tiers: [{ survives: 2, required: 1, lock: '1d' }] });
  });

  it.each(['disk', 'cloud', 'ipfs', 'nas'])('%s keeps what backups rely on', async (name) => {
    const { exit, stdout, stderr } = await onHome({ home }, 'backend', 'check', name);
    const results = jsonLines(stdout);
    expect(
      results.filter(({ status }) => status === 'failed'),
      stderr,
    ).toEqual([]);
    expect(exit).toBe(results.some(({ status }) => status === 'warned') ? 3 : 0);
    expect(results.at(-1)).toMatchObject({ check: 'clean up' });
  });

  it('is planned, backed up and restored from any two of its places by location', async () => {
    const [plan] = await done(onHome({ home }, 'backup', 'run', '--dry-run'));
    expect(plan).toMatchObject({
      type: 'run-plan',
      backends: [{ name: 'disk' }, { name: 'cloud' }, { name: 'ipfs' }, { name: 'nas' }],
    });
    const [snapshot] = (await done(onHome({ home }, 'backup', 'run'))) as unknown as [SnapshotRecord];
    expect(snapshot).toMatchObject({ sequence: 1, survives: 2, degraded: false });
    const root = /ipfs:\/\/(\S+)/.exec(snapshot.notes.join('\n'))?.[1];
    expect(root).toMatch(/^b[a-z2-7]+$/);

    const { s3, ipfs, ssh } = servers;
    const env = { VALENCE_PASSPHRASE: PASSPHRASE, AWS_KEY: s3.secretAccessKey };
    const bucket = `s3://vault/ada?endpoint=${s3.endpoint}&region=${s3.region}&key-id=${s3.accessKeyId}&key=env:AWS_KEY`;
    const path = join(ssh.folder, 'made', 'for', 'it');
    const host = `sftp://${ssh.user}@${ssh.host}:${ssh.port}${path}?identity=file:${ssh.privateKeyFile}&host-key=${await ssh.fingerprint()}`;
    const cid = `ipfs://${root}?api=${ipfs.api()}`;
    const pairs = [[bucket, host], [cid, join(folder.path, 'disk')]] as const; // prettier-ignore
    for (const [i, from] of pairs.entries()) {
      const to = join(folder.path, `restored-${i}`);
      const argv = ['backup', 'restore', ...from.flatMap((place) => ['--from', place]), '--to', to, '--json'];
      const stranger = ['--key-file', join(home, 'master.key'), '--home', join(folder.path, 'nowhere')];
      const { exit, stdout, stderr } = await runCli([...argv, ...stranger], { env });
      expect(exit, stderr).toBe(0);
      expect(jsonLines(stdout).at(-1)).toMatchObject({ type: 'restored', root: snapshot.root });
    }
  });

  it('leaves no connection open that would keep the process', async () => {
    const run = promisify(execFile);
    const program = new URL('../../src/cli/bin.ts', import.meta.url).pathname;
    const { stdout } = await run(process.execPath, [program, 'backup', 'list', '--home', home, '--json'], {
      timeout: 60_000,
    });
    expect(jsonLines(stdout)).toMatchObject([{ type: 'snapshot', sequence: 1 }]);
  });

  it('goes on without a place whose secret is not to be had, and says so', async () => {
    const key = join(folder.path, 's3.key');
    await chmod(key, 0o644);
    const { exit, stdout, stderr } = await onHome({ home }, 'backup', 'run');
    expect(exit, stderr).toBe(3);
    const [snapshot] = jsonLines(stdout) as unknown as [SnapshotRecord];
    expect(snapshot.notes.join('\n')).toContain(`took no part: key of backend cloud: others may read ${key}`);
    const check = await onHome({ home }, 'backend', 'check', 'cloud');
    expect([check.exit, jsonLines(check.stderr)[0]?.['hint']]).toEqual([20, expect.stringContaining('chmod 600')]);
    await chmod(key, 0o600);
  });

  it('goes on without a place that refuses the key, and says so', async () => {
    await writeFile(join(folder.path, 's3.key'), 'not-the-key', { mode: 0o600 });
    const { exit, stdout, stderr } = await onHome({ home }, 'backup', 'run');
    expect(exit, stderr).toBe(3);
    const [snapshot] = jsonLines(stdout) as unknown as [SnapshotRecord];
    expect(snapshot.notes.join('\n')).toMatch(/s3:\/\/vault\/ada\/ at .* took no part/);
    expect(stdout + stderr).not.toContain('not-the-key');
    await writeFile(join(folder.path, 's3.key'), servers.s3.secretAccessKey, { mode: 0o600 });
  });

  it('trusts no other host key afterwards', async () => {
    await servers.ssh.stop();
    await servers.ssh.start({ newHostKeys: true });
    const { exit, stderr } = await onHome({ home }, 'backend', 'check', 'nas');
    expect(exit).toBe(31);
    expect(jsonLines(stderr)[0]?.['message']).toContain('nas');
    const location = `sftp://${servers.ssh.user}@${servers.ssh.host}:${servers.ssh.port}${servers.ssh.folder}?identity=file:${servers.ssh.privateKeyFile}`;
    const unknown = await onHome({ home }, 'backend', 'check', location);
    expect(unknown.exit).toBe(31);
    expect(unknown.stderr).toContain('SHA256:');
  });
});
