import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { RepairRecord } from '../../../app/backup-calls.ts';
import { ValenceError } from '../../../core/errors.ts';
import type { CliContext } from '../../command-context.ts';
import { VAULT_EXITS, withNotes } from '../../command-help.ts';
import { text } from '../../parsers.ts';
import { describeRepair, REPAIR_JSON } from '../../render/repair.ts';
import { tierFlag, waitFlag } from '../../shared-flags.ts';

interface Flags {
  readonly tier?: string | undefined;
  readonly data?: boolean | undefined;
  readonly replace?: string | undefined;
  readonly dryRun?: boolean | undefined;
  readonly wait?: boolean | undefined;
}

async function backupRepair(this: CliContext, flags: Flags): Promise<void> {
  const { tier, data = false, dryRun = false, wait } = flags;
  const replace = flags.replace === undefined ? undefined : replacement(flags.replace);
  if (replace !== undefined && !dryRun)
    await this.confirm(`Move everything from ${replace.old} to ${replace.new}, and leave ${replace.old}?`);
  const valence = await this.open();
  for await (const record of valence.backup.repair({ tier, data, dryRun, wait, replace })) {
    this.settle(record.status);
    await this.output.result<RepairRecord>(record, () => describeRepair(record));
  }
}

/** `OLD=NEW` */
function replacement(given: string): { readonly old: string; readonly new: string } {
  const [old = '', fresh = '', ...more] = given.split('=');
  if (old !== '' && fresh !== '' && more.length === 0) return { old, new: fresh };
  throw new ValenceError('usage/invalid', `--replace takes OLD=NEW, not ${given}`, {
    hint: 'name two configured backends',
  });
}

export const backupRepairCommand: Command<CliContext> = withNotes(
  buildCommand<Flags, [], CliContext>({
    func: backupRepair,
    parameters: {
      flags: {
        tier: tierFlag,
        data: {
          kind: 'boolean',
          optional: true,
          withNegated: false,
          brief: 'read and check every byte, not only names and sizes',
        },
        replace: {
          kind: 'parsed',
          parse: text,
          optional: true,
          placeholder: 'OLD=NEW',
          brief: 'move the tier from one backend to another',
        },
        dryRun: {
          kind: 'boolean',
          optional: true,
          withNegated: false,
          brief: 'say what would be done, and do nothing',
        },
        wait: waitFlag,
      },
    },
    docs: {
      brief: 'bring back what backends have lost',
      fullDescription:
        'Brings back what backends have lost: computes missing and damaged shards again, and places them on the backends of the tier. Where the tier has another profile than before, codes everything anew. Removes nothing but damaged copies, and goes on where it was interrupted. With --replace asks first, unless --yes. Needs only host.key.',
    },
  }),
  {
    exits: [...VAULT_EXITS, 'config/no-keys', 'backend/full', 'home/locked', 'degraded', 'lost'],
    json: [REPAIR_JSON],
  },
);
