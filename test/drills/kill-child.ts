import { once } from 'node:events';
import { openValence } from '../../src/index.ts';
import type { SnapshotRecord } from '../../src/index.ts';
import { KillSwitch } from '../support/kill-switch.ts';
import type { KillPoint } from '../support/kill-switch.ts';
import { importLines, longText } from '../support/vault-folders.ts';

/**
 * A process of its own that works on a home until it is killed at a point. It first goes on where the last one was killed and says what
 * it stored; then it changes something and works again, with the switch armed. It tells its parent what it did.
 */

export interface KillOrder {
  readonly home: string;
  /** In place of what the home says. */
  readonly database?: string | undefined;
  readonly passphrase: string;
  /** `first`: already while it goes on. */
  readonly armed: 'first' | 'second';
  readonly point: KillPoint;
  /** New beliefs before the second run, and how long each is. */
  readonly beliefs: number;
  readonly length: number;
  /** Makes these beliefs differ from others. */
  readonly seed: string;
  /** Instead of runs: a restore of the newest snapshot to this place. */
  readonly restoreTo?: string | undefined;
}

export type KillReport =
  | { readonly did: 'run'; readonly record: SnapshotRecord; readonly shards: number }
  | { readonly did: 'edit' }
  /** Of a restore. */
  | { readonly did: 'event'; readonly type: string };

const [order] = (await once(process, 'message')) as [KillOrder];
const kill = new KillSwitch();

async function work(): Promise<void> {
  const { home, database, passphrase } = order;
  const env = { VALENCE_PASSPHRASE: passphrase };
  await using valence = openValence({ home, database, env, progress: kill.progress });
  if (order.restoreTo !== undefined) {
    await restore(valence, order.restoreTo);
    return;
  }
  if (order.armed === 'first') kill.arm(order.point);
  await run(valence);
  await importLines(valence, newBeliefs());
  await tell({ did: 'edit' });
  kill.arm(order.point);
  await run(valence);
}

async function run(valence: ReturnType<typeof openValence>): Promise<void> {
  const before = kill.linked.length;
  const records = await Array.fromAsync(valence.backup.run({}));
  const shards = kill.linked.slice(before).filter((path) => path.includes('/shards/')).length;
  for (const record of records) await tell({ did: 'run', record, shards });
}

async function restore(valence: ReturnType<typeof openValence>, to: string): Promise<void> {
  kill.arm(order.point);
  for await (const event of valence.backup.restore({ from: [], to, snapshot: 'latest', dryRun: false })) {
    await tell({ did: 'event', type: event.type });
    kill.progress({ stage: `event ${event.type}` });
  }
}

function newBeliefs(): unknown[] {
  return Array.from({ length: order.beliefs }, (_, i) => ({ content: longText(`${order.seed} ${i}`, order.length) }));
}

/** Resolves when the parent has it. */
function tell(report: KillReport): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  process.send!(report, (error: Error | null) => (error === null ? resolve() : reject(error)));
  return promise;
}

await work();
process.disconnect();
