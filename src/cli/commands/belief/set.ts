import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import { ValenceError } from '../../../core/errors.ts';
import { beliefChange, beliefFlags } from '../../belief-flags.ts';
import type { BeliefFlags } from '../../belief-flags.ts';
import type { CliContext } from '../../command-context.ts';
import { DATABASE_EXITS, withNotes } from '../../command-help.ts';
import { text } from '../../parsers.ts';
import { BELIEF_JSON, describeBelief } from '../../render/belief.ts';
import { beliefArgument } from '../../shared-arguments.ts';

interface Flags extends BeliefFlags {
  readonly content?: string | undefined;
}

async function beliefSet(this: CliContext, flags: Flags, id: string): Promise<void> {
  const change = { ...beliefChange(flags), content: flags.content };
  if (Object.values(change).every((value) => value === undefined)) {
    throw new ValenceError('usage/invalid', 'nothing to set', { hint: 'see `valence belief set --help`' });
  }
  const valence = await this.open();
  const belief = await valence.belief.set(id, change);
  await this.output.result(belief, () => describeBelief(belief));
}

export const beliefSetCommand: Command<CliContext> = withNotes(
  buildCommand<Flags, [string], CliContext>({
    func: beliefSet,
    parameters: {
      flags: {
        content: { kind: 'parsed', parse: text, optional: true, placeholder: 'TEXT', brief: 'what is believed' },
        ...beliefFlags,
      },
      positional: { kind: 'tuple', parameters: [beliefArgument] },
    },
    docs: {
      brief: 'change a belief',
      fullDescription: 'Changes what is named and keeps the rest. What the belief said before stays as a version.',
    },
  }),
  { exits: [...DATABASE_EXITS, 'graph/not-found', 'graph/refused'], json: [BELIEF_JSON] },
);
