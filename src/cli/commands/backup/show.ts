import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { CliContext } from '../../command-context.ts';
import { VAULT_EXITS, withNotes } from '../../command-help.ts';
import { text } from '../../parsers.ts';
import { describeCounts, describeSnapshot, SNAPSHOT_JSON } from '../../render/snapshot.ts';
import { keyFileFlag, optionalFromFlag } from '../../shared-flags.ts';

interface Flags {
  readonly from?: readonly string[] | undefined;
  readonly keyFile?: string | undefined;
}

async function backupShow(this: CliContext, flags: Flags, id: string): Promise<void> {
  const valence = await this.open();
  const { from = [], keyFile } = flags;
  const warn = (warning: string): void => this.warn(warning);
  const snapshot = await valence.backup.show(id, { from, keyFile, warn });
  await this.output.result(snapshot, () =>
    [
      describeSnapshot(snapshot),
      '',
      `id          ${snapshot.id}`,
      `previous    ${snapshot.previous ?? 'none'}`,
      `root        ${snapshot.root}`,
      `writer      ${snapshot.writer}, generation ${snapshot.generation}`,
      `schema      version ${snapshot.schemaVersion}, ${snapshot.engine}`,
      `found at    ${snapshot.locations.join(', ')}`,
      'rows',
      ...describeCounts(snapshot.counts),
    ].join('\n'),
  );
}

export const backupShowCommand: Command<CliContext> = withNotes(
  buildCommand<Flags, [string], CliContext>({
    func: backupShow,
    parameters: {
      flags: { from: optionalFromFlag, keyFile: keyFileFlag },
      positional: {
        kind: 'tuple',
        parameters: [{ parse: text, placeholder: 'ID', brief: 'id of a snapshot, or enough of its beginning' }],
      },
    },
    docs: { brief: 'show one snapshot' },
  }),
  {
    exits: [...VAULT_EXITS, 'config/no-keys', 'key/passphrase', 'key/wrong-key', 'backend/not-found'],
    json: [`${SNAPSHOT_JSON.slice(0, -1)},"previous","writer","generation","schemaVersion","engine","locations":[…]}`],
  },
);
