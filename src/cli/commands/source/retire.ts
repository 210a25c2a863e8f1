import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { CliContext } from '../../command-context.ts';
import { DATABASE_EXITS, withNotes } from '../../command-help.ts';
import { SOURCE_JSON, sourceLine } from '../../render/belief.ts';
import { LOST_JSON, retiredLines } from '../../render/losses.ts';
import { sourceArgument } from '../../shared-arguments.ts';

async function sourceRetire(this: CliContext, _flags: Record<never, never>, id: string): Promise<void> {
  await this.confirm(`Retire the source ${id}?`);
  const valence = await this.open();
  const source = await valence.source.retire(id);
  await this.output.result(source, () => [sourceLine(source), ...retiredLines(source.lost)].join('\n'));
}

export const sourceRetireCommand: Command<CliContext> = withNotes(
  buildCommand<Record<never, never>, [string], CliContext>({
    func: sourceRetire,
    parameters: { positional: { kind: 'tuple', parameters: [sourceArgument] } },
    docs: {
      brief: 'take a source out of use',
      fullDescription:
        'Marks a source as no longer used; beliefs keep it as their provenance. Says which beliefs lose their ground with it, before and after. Asks first, unless --yes.',
    },
  }),
  {
    exits: [...DATABASE_EXITS, 'graph/not-found'],
    json: [`${SOURCE_JSON}, with "lost":${LOST_JSON}, or null where it was not computed`],
  },
);
