import { join } from 'node:path';
import type { FileSystem } from '../../src/core/file-system.ts';
import { TEMPORARY_PREFIX } from '../../src/core/files.ts';
import { Replay } from './recording-files.ts';
import type { FileAction } from './recording-files.ts';
import { seededRandom } from './seeded-random.ts';
import { VolatileDisk } from './volatile-disk.ts';
import type { Luck } from './volatile-disk.ts';

/** A disk as a program left it that was stopped, or lost its power, in the middle of a recording. */
export interface CrashPoint {
  /** So many actions had been done. */
  readonly done: number;
  /** For messages: what was torn, what of the unsynced work was lucky. */
  readonly variant: string;
  readonly disk: VolatileDisk;
  /** Names of the marks among the actions done. */
  readonly marks: readonly string[];
}

const LUCK: readonly (readonly [string, () => Luck])[] = [
  ['the process was killed', () => ({ names: () => true, contents: () => true })],
  ['the power went, nothing unsynced is left', () => ({ names: () => false, contents: () => false })],
  ['the power went, names are left', () => ({ names: () => true, contents: () => false })],
];

/**
 * Every prefix of a recording, as it stands, torn in the middle of a write, and as a power cut may leave it: each
 * state of the disk, with the marks passed, once.
 */
export async function* crashPoints(actions: readonly FileAction[]): AsyncGenerator<CrashPoint, void, undefined> {
  const seen = new Set<string>();
  const whole = new VolatileDisk();
  const replay = new Replay(whole);
  const marks: string[] = [];
  for (let done = 0; done <= actions.length; done += 1) {
    const luck = [...LUCK, ['the power went, some of it is left', () => seededLuck(done)] as const];
    for (const [name, make] of luck) {
      const disk = whole.cut(make());
      if (await isNew(disk, marks, seen)) yield { done, variant: name, disk, marks: [...marks] };
    }
    const next = actions[done];
    if (next === undefined) return;
    if (next.kind === 'write') {
      const torn = await tornWrite(actions, done);
      if (await isNew(torn, marks, seen)) yield { done, variant: 'half a write', disk: torn, marks: [...marks] };
    }
    await replay.apply(next);
    if (next.kind === 'mark') marks.push(next.name);
  }
}

/** The actions before `done`, and half of that one, which is a write. */
async function tornWrite(actions: readonly FileAction[], done: number): Promise<VolatileDisk> {
  const disk = new VolatileDisk();
  const replay = new Replay(disk);
  for (const action of actions.slice(0, done)) await replay.apply(action);
  await replay.apply(actions[done]!, 0.5);
  return disk;
}

async function isNew(disk: VolatileDisk, marks: readonly string[], seen: Set<string>): Promise<boolean> {
  const state = `${marks.length} marks\n${(await describe(disk, '/')).sort().join('\n')}`;
  if (seen.has(state)) return false;
  seen.add(state);
  return true;
}

/**
 * Every folder and file by what decides what a reader sees of it. Files are written from front to back, so that number and size
 * say what is in them. Of unfinished files only that there are some.
 */
async function describe(files: FileSystem, folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const { name, kind } of await files.entries(folder)) {
    const path = join(folder, name);
    if (name.startsWith(TEMPORARY_PREFIX)) continue;
    if (kind === 'folder') found.push(path, ...(await describe(files, path)));
    else {
      const { identity, sizeBytes } = await files.status(path);
      found.push(`${path} ${identity} ${sizeBytes}`);
    }
  }
  return found;
}

function seededLuck(seed: number): Luck {
  const random = seededRandom(`luck ${seed}`);
  const toss = (): boolean => random.bytes(1)[0]! < 128;
  return { names: toss, contents: toss };
}
