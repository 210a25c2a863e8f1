import { contentsOf, grownSince } from './bench-vault.ts';

/** Another tool that backs the same database up, each time into the store that it already has. */
export interface Rival {
  readonly name: string;
  /** Whole the first time, from then on as little as the tool can. */
  backUp(): Promise<Cost>;
  /** Takes in, at no one's cost, what our own runs wrote to the database since. */
  settle(): Promise<void>;
}

/** Of one backup, ours or another's. */
export interface Cost {
  /** Wall, from the command line. */
  readonly seconds: number;
  /** What the tool itself calls new, before erasure coding, compressed or not; null: it does not say. */
  readonly newBytes: number | null;
  /** By how much the files of the store grew. */
  readonly storedBytes: number;
  /** Files of the store that were not there before. */
  readonly objects: number;
}

/** Runs one backup and looks what became of the store in `folder`. */
export async function costIn(
  folder: string,
  run: () => Promise<{ seconds: number; newBytes: number | null }>,
): Promise<Cost> {
  const before = await contentsOf([folder]);
  const { seconds, newBytes } = await run();
  const { bytes, objects } = grownSince(before, await contentsOf([folder]));
  return { seconds, newBytes, storedBytes: bytes, objects };
}
