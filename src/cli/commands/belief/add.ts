import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { SourceKey } from '../../../app/knowledge-calls.ts';
import { beliefChange, beliefFlags } from '../../belief-flags.ts';
import type { BeliefFlags } from '../../belief-flags.ts';
import type { CliContext } from '../../command-context.ts';
import { DATABASE_EXITS, withNotes } from '../../command-help.ts';
import { sourceKey, text, uuid } from '../../parsers.ts';
import { BELIEF_JSON, beliefLine } from '../../render/belief.ts';

interface Flags extends BeliefFlags {
  readonly id?: string | undefined;
  readonly source?: readonly SourceKey[] | undefined;
}

async function beliefAdd(this: CliContext, flags: Flags, content: string): Promise<void> {
  const valence = await this.open();
  const belief = await valence.belief.add({ ...beliefChange(flags), content, id: flags.id, provenance: flags.source });
  await this.output.result(belief, () => beliefLine(belief));
}

export const beliefAddCommand: Command<CliContext> = withNotes(
  buildCommand<Flags, [string], CliContext>({
    func: beliefAdd,
    parameters: {
      flags: {
        ...beliefFlags,
        id: { kind: 'parsed', parse: uuid, optional: true, placeholder: 'UUID', brief: 'its id; left out, a new one' },
        source: {
          kind: 'parsed',
          parse: sourceKey,
          variadic: true,
          optional: true,
          placeholder: 'TYPE:ID',
          brief: 'where it comes from; repeat for each',
        },
      },
      positional: { kind: 'tuple', parameters: [{ parse: text, placeholder: 'CONTENT', brief: 'what is believed' }] },
    },
    docs: { brief: 'add a belief' },
  }),
  { exits: [...DATABASE_EXITS, 'graph/refused'], json: [BELIEF_JSON] },
);
