import type { Valence, ValenceOptions } from '../../src/app.ts';
import type { BackupCalls, SnapshotRecord, VerificationReport } from '../../src/app/backup-calls.ts';

/** The library behind the command line, as tests of commands want it; they put `app` in the place of `src/app.ts`. */
export const library = { valence: {} as Partial<Valence>, options: [] as ValenceOptions[], closed: 0 };

export const app = {
  openValence: (options: ValenceOptions): Partial<Valence> & AsyncDisposable => {
    library.options.push(options);
    return { ...library.valence, [Symbol.asyncDispose]: async () => void (library.closed += 1) };
  },
};

export function resetLibrary(): void {
  library.valence = {};
  library.options.length = 0;
  library.closed = 0;
}

export const SNAPSHOT: SnapshotRecord = {
  type: 'snapshot',
  id: 'ab'.repeat(32),
  sequence: 7,
  tier: 'daily',
  createdAt: '2026-01-02T03:04:05Z',
  root: 'cd'.repeat(32),
  counts: { beliefs: 1200, belief_edges: 3 },
  logicalBytes: 5_000_000,
  newBytes: 2048,
  storedBytes: 4096,
  survives: 2,
  degraded: false,
  notes: [],
};

export const REPORT: VerificationReport = {
  type: 'verification',
  tier: 'daily',
  snapshots: 1,
  stripes: 2,
  shards: 10,
  bytesRead: 0,
  findings: [],
  restorable: true,
  status: 'ok',
};

export async function* each<T>(...values: T[]): AsyncGenerator<T, void, undefined> {
  yield* values;
}

export function backup(calls: Partial<BackupCalls>): void {
  library.valence = { backup: calls as BackupCalls };
}
