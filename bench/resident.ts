/**
 * A process that stays, as a daemon would: opens Valence once, and for every line on standard input takes one backup and
 * prints one JSON line, `ResidentRun`. Argument: the home.
 */
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import type { SnapshotRecord, openValence as OpenValence } from '../src/index.ts';

export interface ResidentRun {
  /** In the process, from the call to the last snapshot. */
  readonly seconds: number;
  readonly snapshots: readonly SnapshotRecord[];
}

/** The build, which is what users run. */
const BUILD = new URL('../dist/index.js', import.meta.url).href;

const { openValence } = (await import(BUILD)) as { openValence: typeof OpenValence };
await using valence = openValence({ home: process.argv[2] });
for await (const _ of createInterface({ input: process.stdin })) {
  const started = performance.now();
  const snapshots = await Array.fromAsync(valence.backup.run({}));
  const run: ResidentRun = { seconds: (performance.now() - started) / 1000, snapshots };
  console.log(JSON.stringify(run));
}
