import { once } from 'node:events';
import type { Profile } from '../../src/format/sealing/stripe.ts';
import { backUp, FIRST_HOST } from '../support/disk-vault.ts';
import { KillSwitch } from '../support/kill-switch.ts';
import type { KillPoint } from '../support/kill-switch.ts';
import { RememberingCatalog } from '../support/remembering-catalog.ts';
import type { RememberedCommit } from '../support/remembering-catalog.ts';
import { makeRows } from '../support/row-substrate.ts';
import type { RowsMade } from '../support/row-substrate.ts';

/**
 * A process of its own that makes one run of a substrate without a database (disk-vault.ts) onto a real disk, until it is killed at a
 * point. Told what to do by its first message.
 */

export interface PipelineOrder {
  /** Folder of the places and the home. */
  readonly root: string;
  readonly point: KillPoint;
  readonly rows: RowsMade;
  readonly profile?: Profile | undefined;
  /** What the host remembers. */
  readonly commits: readonly RememberedCommit[];
}

async function work({ root, point, rows, profile, commits }: PipelineOrder): Promise<void> {
  const kill = new KillSwitch();
  const catalog = await RememberingCatalog.after(commits);
  const host = { ...FIRST_HOST, home: `${root}/home` };
  kill.arm(point);
  await backUp({ root, host, catalog, source: makeRows(rows).source(), seed: 'killed', profile });
}

const [order] = (await once(process, 'message')) as [PipelineOrder];
await work(order);
process.disconnect();
