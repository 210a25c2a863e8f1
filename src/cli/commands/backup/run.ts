import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { BackendUsage } from '../../../app/backup-calls.ts';
import type { CliContext } from '../../command-context.ts';
import { DATABASE_EXITS, VAULT_EXITS, withNotes } from '../../command-help.ts';
import { BACKEND_USAGE_JSON, describeUsage } from '../../render/backend-usage.ts';
import { describeRunPlan, RUN_PLAN_JSON } from '../../render/run-plan.ts';
import { describeSnapshot, SNAPSHOT_JSON } from '../../render/snapshot.ts';
import { tierFlag } from '../../shared-flags.ts';

interface Flags {
  readonly tier?: string | undefined;
  readonly fullScan: boolean;
  readonly dryRun?: boolean | undefined;
  readonly usage?: boolean | undefined;
}

async function backupRun(this: CliContext, flags: Flags): Promise<void> {
  const valence = await this.open();
  if (flags.dryRun === true) {
    for await (const plan of valence.backup.plan({ tier: flags.tier, fullScan: flags.fullScan })) {
      await this.output.result(plan, () => describeRunPlan(plan));
    }
    return;
  }
  let usage: readonly BackendUsage[] = [];
  const used = (all: readonly BackendUsage[]): void => void (usage = all);
  for await (const snapshot of valence.backup.run({ tier: flags.tier, fullScan: flags.fullScan, used })) {
    if (snapshot.degraded) this.settle('degraded');
    await this.output.result(snapshot, () => describeSnapshot(snapshot));
  }
  if (flags.usage === true) await tell(this, usage);
}

async function tell({ output }: CliContext, usage: readonly BackendUsage[]): Promise<void> {
  await output.note(describeUsage(usage));
  if (output.json) for (const each of usage) await output.raw(JSON.stringify(each));
}

export const backupRunCommand: Command<CliContext> = withNotes(
  buildCommand<Flags, [], CliContext>({
    func: backupRun,
    parameters: {
      flags: {
        tier: tierFlag,
        fullScan: {
          kind: 'boolean',
          default: false,
          withNegated: false,
          brief: 'read every row, and check the change log against it',
        },
        usage: {
          kind: 'boolean',
          optional: true,
          withNegated: false,
          brief: 'say at the end what each backend was asked for, and roughly what it costs',
        },
        dryRun: {
          kind: 'boolean',
          optional: true,
          withNegated: false,
          brief: 'say what would be stored where, and roughly what it costs and how long it takes; write nothing',
        },
      },
    },
    docs: {
      brief: 'take a snapshot and store it',
      fullDescription:
        'Takes a snapshot and stores it: for one tier, or for every tier from one state of the database. Reads only what changed since the tier’s last snapshot, or every row where that cannot be known, and says so. Needs only host.key.',
    },
  }),
  {
    exits: [
      ...DATABASE_EXITS,
      ...VAULT_EXITS,
      'integrity/change-log',
      'backend/full',
      'backend/second-writer',
      'degraded',
      'config/no-keys',
    ],
    json: [SNAPSHOT_JSON, RUN_PLAN_JSON, BACKEND_USAGE_JSON],
  },
);
