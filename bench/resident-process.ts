import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ResidentRun } from './resident.ts';

/** `resident.ts`, running. */
export interface Resident extends AsyncDisposable {
  backUp(): Promise<ResidentRun>;
}

/** It holds the home until disposed. */
export function startResident(home: string): Resident {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'resident.ts'), home], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async backUp() {
      child.stdin.write('\n');
      const line = await lines.next();
      if (line.done === true) throw new Error('the resident process ended');
      return JSON.parse(line.value) as ResidentRun;
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await ended;
    },
  };
}
