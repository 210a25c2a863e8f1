import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { CliContext } from '../../command-context.ts';
import { DATABASE_EXITS, withNotes } from '../../command-help.ts';
import { plural } from '../../figures.ts';
import { text } from '../../parsers.ts';

async function modelRemove(this: CliContext, _flags: Record<never, never>, name: string): Promise<void> {
  await this.confirm(`Delete the model ${name} and all its embeddings?`);
  const valence = await this.open();
  const removal = await valence.model.remove(name);
  await this.output.result(removal, () => `removed ${removal.name} and ${plural(removal.embeddings, 'embedding')}`);
}

export const modelRemoveCommand: Command<CliContext> = withNotes(
  buildCommand<Record<never, never>, [string], CliContext>({
    func: modelRemove,
    parameters: {
      positional: {
        kind: 'tuple',
        parameters: [{ parse: text, placeholder: 'NAME', brief: 'a model of the database' }],
      },
    },
    docs: {
      brief: 'delete a model with all its embeddings',
      fullDescription:
        'Deletes a model with its embeddings and their index, as when another has taken its place. valence.yaml stays as it is.\n' +
        'Asks first, unless --yes.',
    },
  }),
  { exits: [...DATABASE_EXITS, 'graph/not-found'], json: ['{"type":"model-removed","name","embeddings"}'] },
);
