import type { GetOptions, ObjectName, ReadableBackend } from '../backends/backend.ts';
import { systemTimer } from '../core/clock.ts';
import { isValenceError, ValenceError } from '../core/errors.ts';
import { sha256 } from '../format/shard/name.ts';
import { readHedged } from './hedged-read.ts';

/** Objects that an error names. */
const LISTED_MAX = 100;

/** One object that lies whole in several places, read from the first whose bytes are what its name says. */

/** Why a place gave no bytes. `archived`: it has them, and was asked to bring them back, which takes hours. */
export type ObjectRefusal = 'missing' | 'unavailable' | 'archived';

export interface ObjectProblem {
  readonly location: string;
  readonly object: ObjectName;
  readonly kind: ObjectRefusal | 'corrupt';
}

export interface ObjectRead {
  /** Null: no place has it whole. */
  readonly bytes: Uint8Array | null;
  /** What was wrong in the places tried before. */
  readonly problems: readonly ObjectProblem[];
}

/** Somebody else is asked besides where nothing came within it. */
const PATIENCE_MS = 3_000;

/** Reads from one place after another, not waiting long for any, until the SHA-256 of the bytes is `digest`. @throws only when cancelled */
export async function readWholeObject(
  backends: readonly ReadableBackend[],
  object: ObjectName,
  digest: Uint8Array,
  signal?: AbortSignal,
): Promise<ObjectRead> {
  const problems: ObjectProblem[] = [];
  const [bytes = null] = await readHedged<ReadableBackend, Uint8Array>({
    candidates: backends,
    needed: 1,
    read: async (backend, stopped) => {
      const read = await readOnce(backend, object, stopped, { digest });
      if (typeof read !== 'string' && Buffer.compare(sha256(read), digest) === 0) return read;
      problems.push({ location: backend.location, object, kind: typeof read === 'string' ? read : 'corrupt' });
      return null;
    },
    patienceMs: () => PATIENCE_MS,
    timer: systemTimer,
    signal,
  });
  return { bytes, problems };
}

/** The bytes, or those of a range, or why there are none. @throws only when cancelled or on a fault of ours */
export async function readOnce(
  backend: ReadableBackend,
  object: ObjectName,
  signal?: AbortSignal,
  { range, digest }: Pick<GetOptions, 'range' | 'digest'> = {},
): Promise<Uint8Array | ObjectRefusal> {
  try {
    return await backend.get(object, { signal, range, digest });
  } catch (error) {
    signal?.throwIfAborted();
    if (isValenceError(error, 'backend/not-found')) return 'missing';
    if (isValenceError(error, 'backend/archived')) return 'archived';
    if (isValenceError(error) && error.code.startsWith('backend/')) return 'unavailable';
    throw error;
  }
}

/** That an object is whole nowhere, or nowhere yet. `code` says which kind of loss it is. */
export function objectLost(what: string, object: ObjectName, problems: readonly ObjectProblem[]): ValenceError {
  if (problems.some((problem) => problem.kind === 'archived')) return inArchive(`${what} ${object}`, [object]);
  const corrupt = problems.some((problem) => problem.kind === 'corrupt');
  const missing = problems.map((problem) => `${problem.object}: ${problem.kind} at ${problem.location}`);
  const code = corrupt ? 'integrity/authentication-failed' : 'integrity/too-few-shards';
  return new ValenceError(
    code,
    `${what} ${object} is ${corrupt ? 'damaged wherever it is found' : 'missing everywhere'}`,
    {
      hint: 'name more locations of this vault with --from',
      context: { object, missing },
    },
  );
}

/** That something can be had, though not yet. */
export function inArchive(what: string, objects: readonly ObjectName[]): ValenceError {
  return new ValenceError('backend/archived', `${what} ${objects.length === 1 ? 'is' : 'are'} still in an archive`, {
    hint: 'asked for; run the same command again when the store has brought that back, which takes hours',
    context: { objects: objects.slice(0, LISTED_MAX), total: objects.length },
  });
}
