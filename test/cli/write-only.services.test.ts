import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SnapshotRecord } from '../../src/index.ts';
import { openValence } from '../../src/index.ts';
import type { VersityServer } from '../support/servers/versitygw.ts';
import { startVersitygw } from '../support/servers/versitygw.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { beliefNumber, importLines, longText, onHome, PASSPHRASE } from '../support/vault-folders.ts';
import { jsonLines, runCli } from './run-cli.ts';
import type { CliResult } from './run-cli.ts';

/** All buckets of a tier under a key that may put and list, and neither read nor delete, by a policy of the server. */

const PLAIN = ['s3:PutObject', 's3:ListBucket'];
const LOCKED = [
  ...PLAIN,
  's3:ListBucketVersions',
  's3:GetBucketObjectLockConfiguration',
  's3:PutObjectRetention',
  's3:GetObjectRetention',
];
const TIMEOUT_MS = 240_000;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let versity: VersityServer;

beforeAll(async () => {
  folder = await temporaryFolder();
  versity = await startVersitygw();
});

afterAll(async () => {
  await versity[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

interface Host {
  readonly home: string;
  readonly buckets: readonly string[];
  run(exit: number): Promise<SnapshotRecord>;
  change(number: number): Promise<void>;
}

async function host(name: string, isLocked: boolean): Promise<Host> {
  const home = join(folder.path, name);
  const key = join(folder.path, `${name}.key`);
  await writeFile(key, versity.limitedKey.secretAccessKey, { mode: 0o600 });
  await using valence = openValence({ home, env: { VALENCE_PASSPHRASE: PASSPHRASE } });
  await valence.init();
  await valence.keys.init();
  const lines = Array.from({ length: 20 }, (_, i) => ({ id: beliefNumber(i + 1), content: longText(`${i}`, 15_000) }));
  await importLines(valence, lines);
  await valence[Symbol.asyncDispose]();
  const buckets = [1, 2, 3].map((i) => `${name}-${i}`);
  for (const bucket of buckets) {
    await versity.createBucket(bucket, { objectLock: isLocked });
    await versity.allowLimitedKey(bucket, isLocked ? LOCKED : PLAIN);
    const address = ['--type', 's3', '--endpoint', versity.endpoint, '--region', versity.region, '--bucket', bucket];
    const login = [
      '--key-id',
      versity.limitedKey.accessKeyId,
      '--key',
      `file:${key}`,
      '--domain',
      `provider=${bucket}`,
    ];
    await config(
      home,
      '--add-backend',
      bucket,
      ...address,
      ...login,
      ...(isLocked ? ['--object-lock', 'governance'] : []),
    );
  }
  const lock = isLocked ? ['--lock', '1d'] : [];
  await config(home, '--tier', 'only', '--backends', buckets.join(','), '--erasure', '2/3', ...lock);
  return {
    home,
    buckets,
    async run(exit) {
      const result = await onHome({ home }, 'backup', 'run');
      expect(result.exit, result.stderr + result.stdout).toBe(exit);
      return jsonLines(result.stdout)[0] as unknown as SnapshotRecord;
    },
    async change(number) {
      await using changing = openValence({ home, env: { VALENCE_PASSPHRASE: PASSPHRASE } });
      await changing.belief.set(beliefNumber(number), { content: longText(`changed ${number}`, 90_000) });
    },
  };
}

async function config(home: string, ...argv: string[]): Promise<void> {
  const { exit, stderr } = await onHome({ home }, 'backup', 'config', ...argv);
  expect(exit, stderr).toBe(0);
}

/** With a key that may read. */
function reading(bucket: string): string {
  const { endpoint, region, accessKeyId } = versity;
  return `s3://${bucket}?endpoint=${endpoint}&region=${region}&key-id=${accessKeyId}&key=env:READING_KEY`;
}

async function restored({ home, buckets }: Host, to: string): Promise<CliResult> {
  const from = buckets.slice(1).flatMap((bucket) => ['--from', reading(bucket)]);
  const stranger = ['--key-file', join(home, 'master.key'), '--home', join(folder.path, 'nowhere')];
  const env = { VALENCE_PASSPHRASE: PASSPHRASE, READING_KEY: versity.secretAccessKey };
  return runCli(['backup', 'restore', ...from, '--to', to, '--json', ...stranger], { env });
}

describe.each([
  ['without locks', 'add', false],
  ['under object lock', 'locked', true],
] as const)('a key that may only add, %s', (_, name, isLocked) => {
  let here: Host;
  beforeAll(async () => {
    here = await host(name, isLocked);
  }, TIMEOUT_MS);

  it('is enough for runs from empty buckets, which a reading key restores', { timeout: TIMEOUT_MS }, async () => {
    let last = await here.run(0);
    expect(last).toMatchObject({ sequence: 1, scan: 'everything', survives: 1, degraded: false, notes: [] });
    for (let sequence = 2; sequence <= 4; sequence += 1) {
      await here.change(sequence);
      last = await here.run(0);
      expect(last).toMatchObject({ sequence, scan: 'changes', survives: 1, degraded: false, notes: [] });
    }
    const { exit, stdout, stderr } = await restored(here, join(folder.path, `${name}-restored`));
    expect(exit, stderr).toBe(0);
    expect(jsonLines(stdout).at(-1)).toMatchObject({ type: 'restored', root: last.root });
  });

  it(
    'where the host forgot what it wrote says what to do, and a reading key helps',
    { timeout: TIMEOUT_MS },
    async () => {
      await rename(join(here.home, 'places'), join(folder.path, `${name}-places`));
      const lost = await onHome({ home: here.home }, 'backup', 'run');
      expect(lost.exit, lost.stdout + lost.stderr).toBe(30);
      expect(jsonLines(lost.stderr)[0]).toMatchObject({
        hint: expect.stringContaining('key that can read for one run'),
      });
      for (const bucket of here.buckets)
        await versity.allowLimitedKey(bucket, [...(isLocked ? LOCKED : PLAIN), 's3:GetObject', 's3:GetObjectVersion']);
      await here.change(9);
      const again = await here.run(0);
      expect(again).toMatchObject({ sequence: 5, survives: 1, degraded: false });
      for (const bucket of here.buckets) await versity.allowLimitedKey(bucket, isLocked ? LOCKED : PLAIN);
      await here.change(10);
      expect(await here.run(0)).toMatchObject({ sequence: 6, survives: 1, degraded: false, notes: [] });
      await rm(join(folder.path, `${name}-places`), { recursive: true });
    },
  );
});
