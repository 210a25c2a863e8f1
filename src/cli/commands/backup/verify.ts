import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { VerificationReport, VerificationStatus } from '../../../app/backup-calls.ts';
import type { CliContext } from '../../command-context.ts';
import { VAULT_EXITS, withNotes } from '../../command-help.ts';
import type { ResultStatus } from '../../exit.ts';
import { formatBytes, plural } from '../../figures.ts';
import { describeFindings } from '../../render/snapshot.ts';
import { tierFlag } from '../../shared-flags.ts';

interface Flags {
  readonly tier?: string | undefined;
  readonly data?: boolean | undefined;
}

const RESULTS: Readonly<Record<VerificationStatus, ResultStatus>> = {
  ok: 'ok',
  damaged: 'degraded',
  'chain-broken': 'chain-broken',
  lost: 'lost',
};

const VERDICTS: Readonly<Record<VerificationStatus, string>> = {
  ok: 'all is there',
  damaged: 'damaged, and everything can still be restored',
  'chain-broken': 'the chain of snapshots is broken',
  lost: 'LOST: too few shards are left to restore everything',
};

async function backupVerify(this: CliContext, flags: Flags): Promise<void> {
  const valence = await this.open();
  for await (const report of valence.backup.verify({ tier: flags.tier, data: flags.data === true })) {
    this.settle(RESULTS[report.status]);
    await this.output.result(report, () => describe(report));
  }
}

/** Of what was never stored, nothing can be missing; what is known to have been stored and is gone is said all the same. */
function verdict({ snapshots, status }: VerificationReport): string {
  const isNew = snapshots === 0 && (status === 'ok' || status === 'damaged');
  return isNew ? 'holds no snapshot yet' : VERDICTS[status];
}

function describe(report: VerificationReport): string {
  const { snapshots, stripes, shards, bytesRead } = report;
  return [
    `${report.tier}: ${verdict(report)}`,
    `  checked ${plural(snapshots, 'snapshot')}, ${plural(stripes, 'stripe')}, ${plural(shards, 'shard')}; read ${formatBytes(bytesRead)}`,
    ...describeFindings(report.findings),
  ].join('\n');
}

export const backupVerifyCommand: Command<CliContext> = withNotes(
  buildCommand<Flags, [], CliContext>({
    func: backupVerify,
    parameters: {
      flags: {
        tier: tierFlag,
        data: {
          kind: 'boolean',
          optional: true,
          withNegated: false,
          brief: 'read and check every byte, not only names and sizes',
        },
      },
    },
    docs: {
      brief: 'check that what was stored is still there',
      fullDescription:
        'Checks that what was stored is still there: every shard with its size, or with --data every byte of it. Needs only host.key.',
    },
  }),
  {
    exits: [...VAULT_EXITS, 'config/no-keys', 'degraded', 'lost', 'chain-broken'],
    json: [
      '{"type":"verification","tier","snapshots","stripes","shards","bytesRead","findings":[{"kind","severity","location","object","detail"}],"restorable","status":"ok|damaged|lost|chain-broken"}',
    ],
  },
);
