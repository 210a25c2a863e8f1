import { turn } from './fake-timer.ts';

/** Resolves when `holds` does, after as many turns of the event loop as that takes. @throws after ten thousand */
export async function until(holds: () => boolean): Promise<void> {
  for (let turns = 0; turns < 10_000; turns += 1) {
    if (holds()) return;
    await turn();
  }
  throw new Error('what was waited for did not happen');
}
