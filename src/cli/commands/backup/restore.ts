import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { RestoreEvent, RestorePlan, RestoreResult } from '../../../app/backup-calls.ts';
import type { CliContext } from '../../command-context.ts';
import { VAULT_EXITS, withNotes } from '../../command-help.ts';
import { formatBytes, plural } from '../../figures.ts';
import { text } from '../../parsers.ts';
import { describeCounts, describeFinding, shortId } from '../../render/snapshot.ts';
import { fromFlag, keyFileFlag } from '../../shared-flags.ts';

interface Flags {
  readonly from: readonly string[];
  readonly to: string;
  readonly snapshot: string;
  readonly tier?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

async function backupRestore(this: CliContext, flags: Flags): Promise<void> {
  const valence = await this.open();
  for await (const event of valence.backup.restore({ ...flags, dryRun: flags.dryRun === true })) {
    if (event.type === 'plan' && !event.restorable) this.settle('lost');
    if (event.type === 'restored' && event.orphanEdges > 0) this.settle('degraded');
    await this.output.result(event, () => describe(event, flags.dryRun === true));
  }
}

function describe(event: RestoreEvent, dryRun: boolean): string {
  switch (event.type) {
    case 'plan':
      return describePlan(event, dryRun);
    case 'queryable':
      return [
        `queryable  ${event.to}`,
        ...describeCounts(event.counts),
        `root       ${event.root}, as in the manifest`,
      ].join('\n');
    case 'index':
      return `vector index of ${event.model}: ${event.state}`;
    case 'restored':
      return describeResult(event);
  }
}

function describePlan(plan: RestorePlan, dryRun: boolean): string {
  const { snapshot } = plan;
  const verdict = plan.restorable ? 'everything needed is there' : 'cannot be restored from these locations';
  return [
    `snapshot   ${snapshot.tier} #${snapshot.sequence}  ${shortId(snapshot.id)}  ${snapshot.createdAt}`,
    `target     ${plan.to}${plan.resumed ? ', whose rows are already in place' : ''}`,
    `to read    ${plural(plan.stripes, 'stripe')}, ${formatBytes(plan.bytesToRead)}: ${verdict}`,
    ...plan.findings.map(describeFinding),
    ...(dryRun ? ['nothing was written (--dry-run)'] : []),
  ].join('\n');
}

function describeResult(result: RestoreResult): string {
  const orphans = `${plural(result.orphanEdges, 'edge')} without both ends left out, listed in ${result.orphansFile}`;
  return [`restored   ${result.to}`, ...(result.orphanEdges === 0 ? [] : [orphans]), ...result.warnings].join('\n');
}

export const backupRestoreCommand: Command<CliContext> = withNotes(
  buildCommand<Flags, [], CliContext>({
    func: backupRestore,
    parameters: {
      flags: {
        from: fromFlag,
        to: {
          kind: 'parsed',
          parse: text,
          placeholder: 'URL|DIR',
          brief: 'an empty Postgres database, or a folder that becomes a home',
        },
        snapshot: {
          kind: 'parsed',
          parse: text,
          placeholder: 'ID',
          default: 'latest',
          brief: 'id of a snapshot, or latest',
        },
        tier: {
          kind: 'parsed',
          parse: text,
          optional: true,
          placeholder: 'NAME',
          brief: 'the tier to take the latest snapshot of',
        },
        keyFile: keyFileFlag,
        dryRun: {
          kind: 'boolean',
          optional: true,
          withNegated: false,
          brief: 'say what would be done, and whether it can be',
        },
      },
    },
    docs: {
      brief: 'restore a snapshot into an empty place',
      fullDescription:
        'Restores a snapshot into an empty place. Needs no home: only locations, master.key and its passphrase. All rows come in one\n' +
        'transaction; once the target is queryable, vector indexes are built. Run again after an interruption, it goes on from there.',
    },
  }),
  {
    exits: [
      ...VAULT_EXITS,
      'key/passphrase',
      'key/wrong-key',
      'database/unavailable',
      'database/target-not-empty',
      'database/newer-schema',
      'backend/full',
      'degraded',
      'lost',
    ],
    json: [
      '{"type":"plan","snapshot":{…},"to","stripes","bytesToRead","restorable","findings":[…],"resumed"}',
      '{"type":"queryable","to","counts","root"}',
      '{"type":"index","model","state":"building|built|skipped"}',
      '{"type":"restored","snapshot","to","counts","root","orphanEdges","orphansFile","warnings":[…]}',
    ],
  },
);
