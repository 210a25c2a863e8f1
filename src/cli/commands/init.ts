import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
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
      '',
      'next: `valence import FILE`, then `valence keys init` and `valence backup config`',
    ].join('\n'),
  );
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
