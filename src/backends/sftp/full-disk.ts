import { STATUS, fullError, hasStatus } from './answers.ts';
import type { Session } from './session.ts';

/**
 * Runs `act`, which is to store up to `neededBytes` in `folder`. A full disk is a mere failure to OpenSSH, so when there is
 * one it is asked for its free space: at once, before what was written is removed again.
 * @throws `backend/full`
 */
export async function asFull<T>(
  session: Session,
  folder: string,
  neededBytes: number,
  act: () => Promise<T>,
): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!hasStatus(error, STATUS.failure)) throw error;
    const free = await session.freeBytes(folder).catch(() => null);
    throw free !== null && free <= neededBytes ? fullError(error) : error;
  }
}
