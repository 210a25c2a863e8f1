import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { Valence } from '../../app.ts';
import { isValenceError } from '../../core/errors.ts';
import type { CliContext } from '../command-context.ts';
import { DATABASE_EXITS, withNotes } from '../command-help.ts';

async function init(this: CliContext): Promise<void> {
  const valence = await this.open();
  const created = await valence.init();
  await this.output.result(created, () =>
    [
      `home      ${created.home}`,
      `database  ${created.database} (${created.engine})`,
      `schema    version ${created.schemaVersion}`,
    ].join('\n'),
  );
  if (this.output.json) return;
  const steps = await nextSteps(valence).catch(unknownSteps);
  if (steps !== '') await this.output.note(`\nnext: ${steps}`);
}

/** What a home needs before its first backup and has not. */
async function nextSteps({ belief, backup }: Valence): Promise<string> {
  const isEmpty = (await Array.fromAsync(belief.list({ limit: 1 }))).length === 0;
  const { vaultId, backends, tiers } = await backup.config(null);
  const steps: string[] = [];
  // Backends without a key are what a restore leaves.
  if (vaultId === null)
    steps.push(backends.length > 0 ? '`valence keys init` or `valence vault attach`' : '`valence keys init`');
  if (tiers.length === 0) steps.push('`valence backup config`');
  return [...(isEmpty ? ['`valence import FILE`'] : []), steps.join(' and ')]
    .filter((step) => step !== '')
    .join(', then ');
}

/** A home is there all the same: what stands in the way of knowing, e.g. a damaged key, is for `doctor` to say. */
function unknownSteps(error: unknown): string {
  if (isValenceError(error)) return '';
  throw error;
}

export const initCommand: Command<CliContext> = withNotes(
  buildCommand<Record<never, never>, [], CliContext>({
    func: init,
    parameters: {},
    docs: {
      brief: 'make the home (valence.yaml), the database and its schema',
      fullDescription:
        'Makes the home (valence.yaml), the database and its schema. With --database the knowledge lives on that Postgres server, else\n' +
        'in a database embedded in the home. Run again, it brings the schema up to date and changes nothing else.',
    },
  }),
  {
    exits: [...DATABASE_EXITS, 'config/home-exists'],
    json: ['{"type":"home","home","database","engine","schemaVersion"}'],
  },
);
