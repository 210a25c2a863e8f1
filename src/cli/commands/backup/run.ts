import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { CliContext } from '../../command-context.ts';
import { DATABASE_EXITS, VAULT_EXITS, withNotes } from '../../command-help.ts';
import { describeRunPlan, RUN_PLAN_JSON } from '../../render/run-plan.ts';
import { describeSnapshot, SNAPSHOT_JSON } from '../../render/snapshot.ts';
import { tierFlag } from '../../shared-flags.ts';

interface Flags {
  readonly tier?: string | undefined;
  readonly fullScan: boolean;
  readonly dryRun?: boolean | undefined;
}

async function backupRun(this: CliContext, flags: Flags): Promise<void> {
  const valence = await this.open();
  if (flags.dryRun === true) {
    for await (const plan of valence.backup.plan({ tier: flags.tier, fullScan: flags.fullScan })) {
      await this.output.result(plan, () => describeRunPlan(plan));
    }
    return;
  }
  for await (const snapshot of valence.backup.run({ tier: flags.tier, fullScan: flags.fullScan })) {
    if (snapshot.degraded) this.settle('degraded');
    await this.output.result(snapshot, () => describeSnapshot(snapshot));
  }
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
    json: [SNAPSHOT_JSON, RUN_PLAN_JSON],
  },
);
