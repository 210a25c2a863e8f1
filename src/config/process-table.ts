import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';

/**
 * Tells one process from every other, also from a later one with the same number: Linux gives each its start in ticks
 * since boot, and each boot an id. Elsewhere those two are `null`.
 */
export interface ProcessIdentity {
  readonly pid: number;
  readonly start: string | null;
  readonly boot: string | null;
  readonly host: string;
}

/** `unknown`: on another machine, or in another container, where we cannot look. */
export type ProcessState = 'running' | 'gone' | 'unknown';

/** What the operating system knows of processes; tests pass another. */
export interface ProcessTable {
  self(): Promise<ProcessIdentity>;
  /** Never guesses: `gone` only if the process cannot be running. */
  state(identity: ProcessIdentity): Promise<ProcessState>;
}

/** Processes of this machine as `/proc` and signal 0 show them. */
export const systemProcesses: ProcessTable = {
  async self() {
    const { pid } = process;
    return { pid, start: (await readStat(pid))?.start ?? null, boot: await bootId(), host: hostname() };
  },

  async state({ pid, start, boot, host }) {
    if (host !== hostname()) return 'unknown';
    const bootNow = await bootId();
    if (boot !== null && bootNow !== null && boot !== bootNow) return 'gone';
    if (!isSignalable(pid)) return 'gone';
    const found = await readStat(pid);
    if (found === null) return 'running';
    if (found.ended || (start !== null && start !== found.start)) return 'gone';
    return 'running';
  },
};

/** Signal 0 only asks. Another user's process may not be asked, which shows that it is there. */
function isSignalable(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

async function bootId(): Promise<string | null> {
  return readFile('/proc/sys/kernel/random/boot_id', 'latin1').then(
    (text) => text.trim(),
    () => null,
  );
}

/** proc(5): field 3 is the state, field 22 the start; field 2 is in parentheses and may hold anything. */
async function readStat(pid: number): Promise<{ readonly start: string; readonly ended: boolean } | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => null);
  if (text === null) return null;
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state = '', start] = [fields[0], fields[19]];
  return start === undefined ? null : { start, ended: ['Z', 'X', 'x'].includes(state) };
}
