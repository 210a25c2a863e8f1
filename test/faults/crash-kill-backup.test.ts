import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { toHex } from '../../src/core/bytes.ts';
import { openMasterKey, parseMasterKey } from '../../src/format/keys/master-key.ts';
import { ownerIdentity } from '../../src/format/keys/owner.ts';
import type { OwnerIdentity } from '../../src/format/keys/owner.ts';
import { openValence } from '../../src/index.ts';
import type { SnapshotRecord } from '../../src/index.ts';
import type { KillOrder } from '../drills/kill-child.ts';
import { readAll } from '../support/disk-vault.ts';
import type { ReadBack } from '../support/disk-vault.ts';
import type { KillPoint } from '../support/kill-switch.ts';
import { runUntilKilled } from '../support/killed-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';
import { importLines, longText, PASSPHRASE, PLACES } from '../support/vault-folders.ts';

/**
 * `backup run` with an embedded database, killed by SIGKILL at one named point after another, all on the same home: each process goes on
 * where the last one was killed, commits, changes something, and is killed again.
 */

interface NamedPoint extends KillPoint {
  readonly name: string;
  readonly armed?: KillOrder['armed'];
  /** Whether the snapshot that the run was making can be seen afterwards. */
  readonly visible?: boolean;
  /** Whether this host remembers it afterwards; null: that may be or not. */
  readonly remembered?: boolean | null;
}

const MANIFEST = '/snapshots/main/';

const POINTS: readonly NamedPoint[] = [
  {
    name: 'in the middle of the rows',
    operation: 'stage',
    about: 'reading beliefs',
    number: 1,
    when: 'before',
    armed: 'first',
  },
  {
    name: 'while it takes the lock over',
    operation: 'link',
    about: 'home/lock.',
    number: 1,
    when: 'after',
    armed: 'first',
  },
  { name: 'once it holds the lock', operation: 'rename', about: 'home/lock', number: 2, when: 'after', armed: 'first' },
  {
    name: 'once its snapshot is open',
    operation: 'stage',
    about: 'reading changes of beliefs',
    number: 1,
    when: 'before',
  },
  { name: 'at its first manifest', operation: 'link', about: MANIFEST, number: 1, when: 'after', visible: true },
  { name: 'at its last manifest', operation: 'link', about: MANIFEST, number: 5, when: 'after', visible: true },
  {
    ...{ name: 'inside the commit of the catalog', operation: 'writeSync', about: '/pg_wal/', since: MANIFEST },
    ...{ number: 1, when: 'after', visible: true, remembered: null },
  },
  {
    ...{ name: 'while it syncs the catalog', operation: 'sync', about: '/database/', since: MANIFEST },
    ...{ number: 1, when: 'before', visible: true, remembered: true },
  },
  {
    ...{ name: 'before it clears the journal', operation: 'unlink', about: '/journal/main', since: MANIFEST },
    ...{ number: 1, when: 'before', visible: true, remembered: true },
  },
  {
    ...{ name: 'while it closes the database', operation: 'writeSync', about: '/database/base/', since: MANIFEST },
    ...{ number: 20, when: 'after', visible: true, remembered: true },
  },
  {
    ...{ name: 'before it gives the lock back', operation: 'unlink', about: 'home/lock', number: 1, when: 'before' },
    ...{ visible: true, remembered: true },
  },
];

let folder: TemporaryFolder;
let home: string;
let owner: OwnerIdentity;

beforeAll(async () => {
  folder = await temporaryFolder();
  home = join(folder.path, 'home');
  await using valence = openValence({ home, env: { VALENCE_PASSPHRASE: PASSPHRASE } });
  await valence.init();
  await importLines(
    valence,
    Array.from({ length: 200 }, (_, i) => ({ content: longText(`first ${i}`, 1000) })),
  );
  await valence.keys.init();
  for (const name of PLACES) {
    const path = join(folder.path, name);
    await valence.backup.config({ kind: 'add-backend', name, type: 'directory', settings: { path } });
  }
  const profile = { kind: 'erasure', k: 3, n: 5 } as const;
  await valence.backup.config({ kind: 'set-tier', name: 'main', backends: PLACES, profile });
  const sealed = parseMasterKey(await readFile(join(home, 'master.key')));
  owner = ownerIdentity(await openMasterKey(sealed, PASSPHRASE));
}, 300_000);

afterAll(() => folder[Symbol.asyncDispose]());

/** Ids of the snapshots that can be seen, oldest first; of the last one, what it should be if its run was killed. */
const seen: string[] = [];
let unfinished: { readonly root: string; readonly remembered: boolean | null } | null = null;

let isBroken = false;

describe('a backup killed', () => {
  // Each goes on where the last one was killed: after a failure the others would only repeat it.
  beforeEach((context) => context.skip(isBroken));
  afterEach(({ task }) => {
    isBroken ||= task.result?.state === 'fail';
  });

  it.each(POINTS)(
    '$name',
    async ({ name, armed = 'second', visible = false, remembered = false, ...point }) => {
      const order = { home, passphrase: PASSPHRASE, armed, point, beliefs: 120, length: 1000, seed: name };
      const { signal, reports, errors } = await runUntilKilled(order);
      expect({ signal, errors }).toEqual({ signal: 'SIGKILL', errors: '' });
      const wentOn = reports.find((report) => report.did === 'run');
      expect(wentOn !== undefined).toBe(armed === 'second');
      if (wentOn !== undefined) checkNext(wentOn.record);
      const found = await readAll({ root: folder.path, places: PLACES, owner });
      const ids = found.map(({ digest }) => digest);
      expect(ids).toEqual([...seen, ...(visible ? [ids.at(-1)] : [])]);
      unfinished = visible ? { root: rootOf(found.at(-1)!), remembered } : null;
      if (visible) seen.push(ids.at(-1)!);
    },
    120_000,
  );

  it('anywhere leaves a vault that verifies, and a change log that missed nothing', async () => {
    await using valence = openValence({ home, env: { VALENCE_PASSPHRASE: PASSPHRASE } });
    const [record] = await Array.fromAsync(valence.backup.run({ fullScan: true }));
    checkNext(record!, 'everything');
    const [report] = await Array.fromAsync(valence.backup.verify({ data: true }));
    expect(report!.findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(report).toMatchObject({ restorable: true, snapshots: seen.length });
    const found = await readAll({ root: folder.path, places: PLACES, owner });
    expect(found.map(({ digest }) => digest)).toEqual(seen);
  }, 120_000);
});

/** The run after the one that was killed: of the same state. */
function checkNext(record: SnapshotRecord, scan: SnapshotRecord['scan'] = 'changes'): void {
  seen.push(record.id);
  expect(record).toMatchObject({ sequence: seen.length, survives: 2, degraded: false });
  if (unfinished === null) return;
  expect(record.root).toBe(unfinished.root);
  if (unfinished.remembered === true) expect(record).toMatchObject({ scan, newBytes: 0 });
  // What was not remembered is built on what was, and costs what changed since then.
  if (unfinished.remembered === false) expect(record).toMatchObject({ scan });
}

function rootOf({ snapshot }: ReadBack): string {
  return toHex(snapshot.summary.contentRoot);
}
