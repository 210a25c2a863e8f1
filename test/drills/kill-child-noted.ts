import { once } from 'node:events';
import { noteFiles } from '../support/noted-files.ts';
import type { NotedChange } from '../support/noted-files.ts';

/** A process of its own that restores the newest snapshot of a home's vault, and tells what it did to files below a folder. */

export interface NotedOrder {
  readonly home: string;
  readonly passphrase: string;
  readonly restoreTo: string;
  readonly below: string;
}

export interface NotedReport {
  readonly did: 'notes';
  readonly notes: readonly NotedChange[];
}

const [order] = (await once(process, 'message')) as [NotedOrder];
const notes = noteFiles();
const { openValence } = await import('../../src/index.ts');
const { home, passphrase, restoreTo: to, below } = order;
await using valence = openValence({ home, env: { VALENCE_PASSPHRASE: passphrase } });
const options = { from: [], to, snapshot: 'latest', dryRun: false };
for await (const { type } of valence.backup.restore(options)) if (type === 'queryable') break;
const report: NotedReport = { did: 'notes', notes: notes.filter(({ path }) => path.startsWith(below)) };
process.send!(report, () => process.disconnect());
