import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { CliContext } from '../../command-context.ts';
import { VAULT_EXITS, withNotes } from '../../command-help.ts';
import { plural } from '../../figures.ts';
import { fromFlag, keyFileFlag } from '../../shared-flags.ts';

interface Flags {
  readonly from: readonly string[];
  readonly keyFile?: string | undefined;
}

async function attach(this: CliContext, flags: Flags): Promise<void> {
  const valence = await this.open();
  const attached = await valence.vault.attach(flags);
  await this.output.result(attached, () =>
    [
      `vault     ${attached.vaultId}`,
      `host key  ${attached.hostKeyPath}`,
      `attached  ${plural(attached.backends.length, 'backend')}, ${plural(attached.tiers.length, 'tier')}`,
      '',
      'This home now continues the vault. Take master.key away again.',
    ].join('\n'),
  );
}

export const vaultAttachCommand: Command<CliContext> = withNotes(
  buildCommand<Flags, [], CliContext>({
    func: attach,
    parameters: { flags: { from: fromFlag, keyFile: keyFileFlag } },
    docs: {
      brief: 'let a restored home continue the vault it came from',
      fullDescription:
        'Lets a restored home continue the vault it came from. Needs master.key and its passphrase this once.',
    },
  }),
  {
    exits: [...VAULT_EXITS, 'key/passphrase', 'key/wrong-key', 'config/home-exists'],
    json: ['{"type":"attached","vaultId","hostKeyPath","backends":[…],"tiers":[…]}'],
  },
);
