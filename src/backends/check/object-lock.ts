import { sleep } from '../../core/clock.ts';
import { isValenceError } from '../../core/errors.ts';
import type { Check, Finding } from './check.ts';
import { passed } from './check.ts';
import type { CheckedPlace } from './checked-place.ts';
import { BrokenPromise } from './checked-place.ts';

/** Long enough for a delete to come in time over a slow line, short enough to wait for its end. */
const LOCK_MS = 5_000;
/** The store's clock may be behind ours by this; then the object cannot go before. */
const CLOCK_DIFFERENCE_MS_MAX = 30_000;
const RETRY_MS = 1_000;

const LOCK_HINT = 'switch object lock on for the bucket, or take it out of the configuration';

/** That a locked object cannot be deleted, and goes once the lock is over. Takes some seconds. */
export const objectLock: Check = {
  name: 'object lock',
  async run(place): Promise<Finding> {
    const { backend, clock, timer } = place;
    if (!backend.traits.objectLock || backend.lock === undefined) {
      return { status: 'not-applicable', detail: 'the backend has none' };
    }
    const startedAt = timer.elapsed();
    const until = clock.now() + LOCK_MS;
    await place.put('locked', place.random.bytes(100), { lockedUntil: until });
    await backend.lock(place.name('locked'), until + RETRY_MS, { signal: place.signal });
    const isLocked = await locks(place);
    if (!isLocked && timer.elapsed() - startedAt < LOCK_MS) {
      throw new BrokenPromise('an object that is locked can be deleted', LOCK_HINT);
    }
    if (!isLocked) return { status: 'warned', detail: 'the store answers too slowly to see whether a lock holds' };
    if (!place.canDelete) return passed('a locked object stays; this key could not delete it anyway');
    await sleep(timer, LOCK_MS + RETRY_MS, place.signal);
    return passed(`a locked object stays, and goes ${await goneAfter(place, startedAt)} s later`);
  },
};

/** Whether a delete is refused. */
async function locks(place: CheckedPlace): Promise<boolean> {
  try {
    await place.delete('locked');
    return false;
  } catch (error) {
    if (isValenceError(error, 'backend/locked') || (!place.canDelete && isValenceError(error, 'backend/denied')))
      return true;
    throw error;
  }
}

async function goneAfter(place: CheckedPlace, startedAt: number): Promise<number> {
  const { timer } = place;
  while (await locks(place)) {
    if (timer.elapsed() - startedAt > LOCK_MS + CLOCK_DIFFERENCE_MS_MAX) {
      throw new BrokenPromise(
        `a lock of ${LOCK_MS / 1000} s still holds`,
        'compare the clock of this host with the time',
      );
    }
    await sleep(timer, RETRY_MS, place.signal);
  }
  return Math.round((timer.elapsed() - startedAt) / 1000);
}
