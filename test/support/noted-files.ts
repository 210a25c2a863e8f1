import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { dirname } from 'node:path';

/** What this process does to files, whoever does it: our own code, or the embedded database. For programs that a test starts. */
export interface NotedChange {
  /** `content`: of a file. `name`: one comes into or goes from a folder. `sync`: of a file's content or a folder's names. */
  readonly kind: 'content' | 'name' | 'sync' | 'rename' | 'removal';
  /** The file; of `name` the folder; of `rename` the new path. */
  readonly path: string;
  /** Of `rename`: the old path. */
  readonly from?: string;
}

/** From now on; the list grows. */
export function noteFiles(): readonly NotedChange[] {
  const notes: NotedChange[] = [];
  const content = (path: unknown): void => void notes.push({ kind: 'content', path: String(path) });
  const name = (path: unknown): void => void notes.push({ kind: 'name', path: dirname(String(path)) });
  noteCalls(notes, content, name);
  noteHandles(notes, content, name);
  noteDescriptors(content, name);
  syncBuiltinESMExports();
  return notes;
}

type Note = (path: unknown) => void;
type Call = (call: readonly unknown[], result: unknown) => unknown;
type Calls = Record<string, (...call: unknown[]) => unknown>;

/** Puts `then` after a function: it is given the arguments and what came back, once that is there. */
function after(object: unknown, call: string, then: Call): void {
  const calls = object as Calls;
  const real = calls[call]!.bind(object);
  calls[call] = (...given) => {
    const result = real(...given);
    if (!(result instanceof Promise)) return then(given, result) ?? result;
    return result.then((settled: unknown) => then(given, settled) ?? settled);
  };
}

function noteCalls(notes: NotedChange[], content: Note, name: Note): void {
  const removed: Call = ([path]) => {
    name(path);
    notes.push({ kind: 'removal', path: String(path) });
  };
  for (const call of ['unlink', 'rmdir', 'rm']) {
    after(fs.promises, call, removed);
    after(fs, `${call}Sync`, removed);
  }
  after(fs.promises, 'mkdir', ([path]) => name(path));
  after(fs, 'mkdirSync', ([path]) => name(path));
  const renamed: Call = ([from, to]) => {
    name(from);
    name(to);
    notes.push({ kind: 'rename', path: String(to), from: String(from) });
  };
  after(fs.promises, 'rename', renamed);
  after(fs, 'renameSync', renamed);
  after(fs.promises, 'link', ([, to]) => name(to));
  after(fs.promises, 'writeFile', ([path]) => {
    name(path);
    content(path);
  });
  after(fs, 'truncateSync', ([path]) => content(path));
}

function noteHandles(notes: NotedChange[], content: Note, name: Note): void {
  after(fs.promises, 'open', ([path, flags], handle) => {
    if (isMaking(flags)) name(path);
    for (const call of ['write', 'writeFile', 'truncate']) after(handle, call, () => content(path));
    for (const call of ['sync', 'datasync']) {
      after(handle, call, () => void notes.push({ kind: 'sync', path: String(path) }));
    }
  });
}

function noteDescriptors(content: Note, name: Note): void {
  const paths = new Map<unknown, unknown>();
  after(fs, 'openSync', ([path, flags], descriptor) => {
    paths.set(descriptor, path);
    if (isMaking(flags)) name(path);
  });
  for (const call of ['writeSync', 'ftruncateSync']) {
    after(fs, call, ([descriptor]) => void (paths.has(descriptor) && content(paths.get(descriptor))));
  }
}

/** Opening may make the file: as text for people, as number for the operating system. */
function isMaking(flags: unknown): boolean {
  return typeof flags === 'number'
    ? (flags & fs.constants.O_CREAT) !== 0
    : typeof flags === 'string' && /[wa]/.test(flags);
}
