import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { CliContext } from '../../command-context.ts';
import { VAULT_EXITS, withNotes } from '../../command-help.ts';
import { table } from '../../figures.ts';
import { SNAPSHOT_HEADINGS, SNAPSHOT_JSON, snapshotRow } from '../../render/snapshot.ts';
import { keyFileFlag, optionalFromFlag, tierFlag } from '../../shared-flags.ts';

interface Flags {
  readonly from?: readonly string[] | undefined;
  readonly keyFile?: string | undefined;
  readonly tier?: string | undefined;
}

async function backupList(this: CliContext, flags: Flags): Promise<void> {
  const valence = await this.open();
  const rows: (readonly string[])[] = [];
  const { from = [], keyFile, tier } = flags;
  const warn = (warning: string): void => this.warn(warning);
  for await (const snapshot of valence.backup.list({ from, keyFile, tier, warn })) {
    if (this.output.json) await this.output.result(snapshot, () => '');
    else rows.push(snapshotRow(snapshot));
  }
  await this.output.note(
    rows.length === 0 ? 'no snapshots yet: `valence backup run` takes one' : table([SNAPSHOT_HEADINGS, ...rows]),
  );
}

export const backupListCommand: Command<CliContext> = withNotes(
  buildCommand<Flags, [], CliContext>({
    func: backupList,
    parameters: { flags: { from: optionalFromFlag, keyFile: keyFileFlag, tier: tierFlag } },
    docs: {
      brief: 'list the snapshots of the vault',
      fullDescription:
        'Lists the snapshots of the vault, oldest first in each tier. Needs host.key, or master.key where there is none.',
    },
  }),
  { exits: [...VAULT_EXITS, 'config/no-keys', 'key/passphrase', 'key/wrong-key'], json: [SNAPSHOT_JSON] },
);
