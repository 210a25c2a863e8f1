import { z } from 'zod';
import { fromUtf8, toHex, utf8 } from '../core/bytes.ts';
import { ValenceError, isValenceError } from '../core/errors.ts';
import { readWholeFile, removeDurably, writeFileDurably } from '../core/files.ts';
import { systemRandom } from '../core/random.ts';
import type { Home } from './home.ts';
import type { ProcessTable } from './process-table.ts';
import { systemProcesses } from './process-table.ts';

/**
 * One process at a time owns a home whose database is embedded, because the embedded engine does not notice a second
 * one. The lock is a file that says who holds it. It has no time-out: it is taken over only from a process that is
 * certainly gone.
 *
 * Taking over must not remove the lock of a third process that was quicker. So a stale lock is replaced only by the
 * holder of a second lock, whose name carries the nonce of the stale one, and only while the stale one is still there.
 * That second lock may itself be left behind, and is then taken over in the same way.
 */
export interface HomeLock extends AsyncDisposable {
  readonly home: Home;
}

export interface LockOptions {
  /** What to tell others that find the lock, e.g. "valence backup run". Must hold no secret. */
  readonly command: string;
  readonly processes?: ProcessTable | undefined;
}

/**
 * Owns the home until disposal. The folder must exist.
 * @throws `home/locked` if another process, or another part of this one, owns it
 */
export async function lockHome(home: Home, options: LockOptions): Promise<HomeLock> {
  const processes = options.processes ?? systemProcesses;
  const identity = await processes.self();
  const claim: Claim = { ...identity, command: options.command, nonce: toHex(systemRandom.bytes(8)) };
  await acquire(home.lockFile, { home, claim, processes });
  return { home, [Symbol.asyncDispose]: () => release(home.lockFile, claim) };
}

const claimSchema = z.object({
  pid: z.int().positive(),
  start: z.string().nullable(),
  boot: z.string().nullable(),
  host: z.string(),
  command: z.string().max(200),
  nonce: z.string().regex(/^[0-9a-f]{16}$/),
});

type Claim = z.infer<typeof claimSchema>;

interface Contest {
  readonly home: Home;
  readonly claim: Claim;
  readonly processes: ProcessTable;
}

/** Each round lost means that another process won or left; so many in a row are no accident. */
const ROUNDS_MAX = 20;

async function acquire(path: string, contest: Contest): Promise<void> {
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    if (await create(path, contest.claim)) return;
    const holder = await readClaim(path, contest.home);
    if (holder === null) continue;
    const state = await contest.processes.state(holder);
    if (state !== 'gone') throw locked(contest.home, path, holder, state);
    if (await takeOver(path, holder, contest)) return;
  }
  throw new ValenceError('home/locked', `home ${contest.home.root} is fought over by other processes`, {
    hint: 'run the command again',
  });
}

async function create(path: string, claim: Claim): Promise<boolean> {
  try {
    await writeFileDurably(path, encode(claim), { mode: 0o600, exclusive: true });
    return true;
  } catch (error) {
    if (isValenceError(error, 'backend/already-exists')) return false;
    throw error;
  }
}

async function takeOver(path: string, stale: Claim, contest: Contest): Promise<boolean> {
  const right = `${path}.${stale.nonce}`;
  await acquire(right, contest);
  try {
    const holder = await readClaim(path, contest.home);
    if (holder?.nonce !== stale.nonce) return false;
    await writeFileDurably(path, encode(contest.claim), { mode: 0o600 });
    return true;
  } finally {
    await removeDurably(right);
  }
}

async function release(path: string, claim: Claim): Promise<void> {
  const bytes = await readWholeFile(path);
  if (bytes !== null && bytes.length > 0 && parseClaim(bytes)?.nonce === claim.nonce) await removeDurably(path);
}

/** `null`: the lock is gone. */
async function readClaim(path: string, home: Home): Promise<Claim | null> {
  const bytes = await readWholeFile(path);
  if (bytes === null) return null;
  const claim = parseClaim(bytes);
  if (claim !== null) return claim;
  throw new ValenceError('home/locked', `the lock of home ${home.root} is not one of ours`, {
    hint: `if no other process uses this home, remove ${path}`,
    context: { home: home.root, lock: path },
  });
}

function parseClaim(bytes: Uint8Array): Claim | null {
  try {
    return claimSchema.parse(JSON.parse(fromUtf8(bytes)));
  } catch {
    return null;
  }
}

function encode(claim: Claim): Uint8Array {
  return utf8(`${JSON.stringify(claim)}\n`);
}

function locked(home: Home, path: string, holder: Claim, state: 'running' | 'unknown'): ValenceError {
  const { pid, command, host } = holder;
  const where = state === 'running' ? '' : ` on ${host}`;
  return new ValenceError('home/locked', `home ${home.root} is in use by process ${pid}${where} (${command})`, {
    hint:
      state === 'running'
        ? 'wait until it has ended, or end it'
        : `if that process is gone for certain, remove ${path}; this machine cannot tell`,
    context: { home: home.root, lock: path, pid, command, host },
  });
}
