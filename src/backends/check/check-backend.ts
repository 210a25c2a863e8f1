import type { Clock, Timer } from '../../core/clock.ts';
import { sleep, systemTimer } from '../../core/clock.ts';
import { isValenceError } from '../../core/errors.ts';
import type { ProgressSink } from '../../core/progress.ts';
import { silentProgress } from '../../core/progress.ts';
import type { Random } from '../../core/random.ts';
import type { Backend } from '../backend.ts';
import type { Check, CheckResult, Finding } from './check.ts';
import { passed } from './check.ts';
import { BrokenPromise, CheckedPlace } from './checked-place.ts';
import { concurrency, consistency, largeObject, speed } from './many-objects.ts';
import { objectLock } from './object-lock.ts';
import {
  absentObjects,
  connection,
  deletion,
  listAfterWrite,
  overwrite,
  ranges,
  readBack,
  write,
} from './single-objects.ts';

export interface CheckOptions {
  readonly random: Random;
  /** For the ends of locks. */
  readonly clock: Clock;
  readonly timer?: Timer | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ProgressSink | undefined;
}

/** Later ones use what earlier ones wrote and found out. */
const CHECKS: readonly Check[] = [
  connection, write, readBack, ranges, absentObjects, listAfterWrite, overwrite, deletion,
  concurrency, consistency, largeObject, objectLock, speed,
]; // prettier-ignore

const CLEAN_UP_MS = 60_000;
const LOCKS_END_MS = 15_000;
const LOCK_RETRY_MS = 1_000;

/**
 * Holds a user's own store to the promises of backend.ts, one group at a time, with some 10 MB under a prefix of its own that
 * readers pass over. Whatever happens it deletes all it wrote, and what a check that was killed more than a day ago had no time to;
 * where that is denied, the last result says what is left.
 * Connection and writing failed, there is nothing more to check. Give it a backend with its timeouts.
 * @throws `signal.reason` when aborted, after the result of `clean up`; nothing else
 */
export async function* checkBackend(
  backend: Backend,
  options: CheckOptions,
): AsyncGenerator<CheckResult, void, undefined> {
  const { signal, timer = systemTimer, progress = silentProgress } = options;
  signal?.throwIfAborted();
  const place = new CheckedPlace(backend, { ...options, timer });
  let isClean = false;
  try {
    for (const [done, check] of CHECKS.entries()) {
      progress({ stage: `checking ${check.name}`, done, total: CHECKS.length });
      const result = await outcomeOf(check, place);
      if (signal?.aborted === true) break;
      yield result;
      if (check.isNeeded === true && result.status === 'failed') break;
    }
    progress({ stage: 'cleaning up', done: CHECKS.length, total: CHECKS.length });
    const result = await cleanUp(place);
    isClean = true;
    yield result;
  } finally {
    if (!isClean) await cleanUp(place);
  }
  signal?.throwIfAborted();
}

async function outcomeOf(check: Check, place: CheckedPlace): Promise<CheckResult> {
  const startedAt = place.timer.elapsed();
  const finding = await findingOf(check, place);
  return { check: check.name, ...finding, milliseconds: Math.round(place.timer.elapsed() - startedAt) };
}

async function findingOf(check: Check, place: CheckedPlace): Promise<Finding> {
  if (check.needsReading === true && !place.canRead) {
    return { status: 'not-applicable', detail: 'this key cannot read' };
  }
  try {
    return await check.run(place);
  } catch (error) {
    if (error instanceof BrokenPromise) return { status: 'failed', detail: error.message, hint: error.hint };
    if (isValenceError(error)) return { status: 'failed', detail: error.message, hint: error.hint };
    const detail = `an error that the backend does not translate: ${error instanceof Error ? error.name : typeof error}`;
    return { status: 'failed', detail, hint: 'this is a weakness of Valence; please report it' };
  }
}

/** Has a time limit instead of the caller's signal, which may be aborted. */
async function cleanUp(place: CheckedPlace): Promise<CheckResult> {
  const { timer, prefix } = place;
  const startedAt = timer.elapsed();
  const limit = new AbortController();
  const callOff = timer.after(CLEAN_UP_MS, () => limit.abort(new BrokenPromise('no time left to delete it')));
  let left = await place.removeAll(limit.signal);
  // The lock of an aborted check ends soon.
  while (anyLocked(left) && timer.elapsed() - startedAt < LOCKS_END_MS) {
    await sleep(timer, LOCK_RETRY_MS);
    left = await place.removeAll(limit.signal);
  }
  const forgotten = place.canDelete ? await place.removeForgotten(limit.signal) : 0;
  callOff();
  const result = { check: 'clean up', milliseconds: Math.round(timer.elapsed() - startedAt) } as const;
  if (left.size === 0) return { ...result, ...passed(`nothing is left behind${alsoGone(forgotten)}`) };
  const [reason] = left.values();
  const why = reason instanceof Error ? reason.message : 'it cannot be deleted';
  return {
    ...result,
    status: isValenceError(reason, 'backend/denied', 'backend/locked') ? 'warned' : 'failed',
    detail: `left under ${prefix}: ${left.size === 1 ? '1 object' : `${left.size} objects`}; ${why}`,
    hint: `delete ${prefix} by other means; backups and restores pass over it`,
  };
}

function alsoGone(objects: number): string {
  return objects === 0
    ? ''
    : `, and ${objects === 1 ? '1 object' : `${objects} objects`} of checks that were killed are gone`;
}

function anyLocked(left: ReadonlyMap<string, unknown>): boolean {
  return [...left.values()].some((error) => isValenceError(error, 'backend/locked'));
}
