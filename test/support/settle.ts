/** Lets everything run that can without time passing. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Resolves when `holds` does, after as many turns of the event loop as that takes. @throws after ten thousand */
export async function until(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 10_000; turn += 1) {
    if (holds()) return;
    await settle();
  }
  throw new Error('what was waited for did not happen');
}
