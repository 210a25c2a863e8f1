import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import { BELIEF_STATUSES } from '../../../app/knowledge-calls.ts';
import type { BeliefStatus } from '../../../app/knowledge-calls.ts';
import type { CliContext } from '../../command-context.ts';
import { DATABASE_EXITS, withNotes } from '../../command-help.ts';
import { count, text } from '../../parsers.ts';
import { BELIEF_JSON, beliefLine } from '../../render/belief.ts';

interface Flags {
  readonly status?: BeliefStatus | undefined;
  readonly domain?: string | undefined;
  readonly limit?: number | undefined;
}

async function beliefList(this: CliContext, flags: Flags): Promise<void> {
  const valence = await this.open();
  for await (const belief of valence.belief.list(flags)) {
    if (this.output.closed) return;
    await this.output.result(belief, () => beliefLine(belief));
  }
}

export const beliefListCommand: Command<CliContext> = withNotes(
  buildCommand<Flags, [], CliContext>({
    func: beliefList,
    parameters: {
      flags: {
        status: { kind: 'enum', values: BELIEF_STATUSES, optional: true, brief: 'only those that stand so' },
        domain: {
          kind: 'parsed',
          parse: text,
          optional: true,
          placeholder: 'NAME',
          brief: 'only those of this domain',
        },
        limit: { kind: 'parsed', parse: count, optional: true, placeholder: 'N', brief: 'at most so many' },
      },
    },
    docs: { brief: 'list beliefs' },
  }),
  { exits: DATABASE_EXITS, json: [BELIEF_JSON] },
);
