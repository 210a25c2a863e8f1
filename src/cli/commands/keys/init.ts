import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { CliContext } from '../../command-context.ts';
import { withNotes } from '../../command-help.ts';

async function keysInit(this: CliContext): Promise<void> {
  const valence = await this.open({ choosingPassphrase: true });
  const keys = await valence.keys.init();
  await this.output.result(keys, () =>
    [
      `master key   ${keys.masterKeyPath}`,
      `host key     ${keys.hostKeyPath}`,
      `vault        ${keys.vaultId}`,
      `fingerprint  ${keys.fingerprint}`,
      '',
      'Take master.key away from this machine, and keep it in two places: with its passphrase it opens every backup,',
      'and without it no backup can be restored. Backing up needs only host.key.',
    ].join('\n'),
  );
}

export const keysInitCommand: Command<CliContext> = withNotes(
  buildCommand<Record<never, never>, [], CliContext>({
    func: keysInit,
    parameters: {},
    docs: {
      brief: 'make master.key (under a passphrase, to be taken away) and host.key',
      fullDescription:
        'Makes master.key under a passphrase, to be taken away from this machine, and host.key, by which this host backs up.\n' +
        'The passphrase comes from VALENCE_PASSPHRASE or is asked for twice. Keys are never replaced.',
    },
  }),
  {
    exits: ['key/passphrase', 'config/home-exists', 'config/no-home'],
    json: ['{"type":"keys","masterKeyPath","hostKeyPath","vaultId","fingerprint"}'],
  },
);
