import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { CliContext } from '../../command-context.ts';
import { DATABASE_EXITS, withNotes } from '../../command-help.ts';
import { modelTable } from '../../render/embedding.ts';

async function modelList(this: CliContext): Promise<void> {
  const valence = await this.open();
  const models = await valence.model.list();
  if (this.output.json) for (const model of models) await this.output.result(model, () => '');
  else if (models.length > 0) await this.output.note(modelTable(models));
}

export const modelListCommand: Command<CliContext> = withNotes(
  buildCommand<Record<never, never>, [], CliContext>({
    func: modelList,
    parameters: {},
    docs: {
      brief: 'list models, how many beliefs each has embedded, and by what',
      fullDescription:
        'Lists the models of the embeddings, those of the database and those of valence.yaml: how long their vectors are, how many\n' +
        'beliefs have one and how many, archived ones left aside, have none, whether there is an index, and which host makes them.',
    },
  }),
  {
    exits: DATABASE_EXITS,
    json: ['{"type":"model","name","dimensions","embeddings","missing","indexed","host"}'],
  },
);
