import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { BackendView, TierView } from '../../../app/backup-calls.ts';
import type { CliContext } from '../../command-context.ts';
import { withNotes } from '../../command-help.ts';
import { table } from '../../figures.ts';

async function backendList(this: CliContext): Promise<void> {
  const valence = await this.open();
  const { backends, tiers } = await valence.backup.config(null);
  if (this.output.json) {
    for (const backend of backends) {
      const line = { ...backend, backend: backend.type, type: 'backend', tiers: tiersOf(backend, tiers) };
      await this.output.result(line, () => '');
    }
    return;
  }
  const rows = backends.map((backend) => [
    backend.name,
    backend.readOnly ? `${backend.type} (read-only)` : backend.type,
    tiersOf(backend, tiers).join(', ') || '-',
    backend.domains.join(' '),
    backend.location,
  ]);
  await this.output.note(
    rows.length === 0
      ? 'no backends yet: add one with `valence backup config --add-backend`'
      : table([['BACKEND', 'TYPE', 'TIERS', 'DOMAINS', 'LOCATION'], ...rows]),
  );
}

function tiersOf({ name }: BackendView, tiers: readonly TierView[]): string[] {
  return tiers.filter(({ backends }) => backends.includes(name)).map((tier) => tier.name);
}

export const backendListCommand: Command<CliContext> = withNotes(
  buildCommand<Record<never, never>, [], CliContext>({
    func: backendList,
    parameters: {},
    docs: {
      brief: 'list the configured backends',
      fullDescription: 'Lists the configured backends with the tiers that use them. Opens none of them.',
    },
  }),
  {
    exits: ['config/no-home'],
    json: ['{"type":"backend","name","backend":TYPE,"location","domains":[…],"readOnly","tiers":[…]}'],
  },
);
