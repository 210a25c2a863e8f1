import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { CliContext } from '../../command-context.ts';
import { DATABASE_EXITS, withNotes } from '../../command-help.ts';
import { count } from '../../parsers.ts';
import { describeChange, HISTORY_JSON } from '../../render/history.ts';
import { beliefArgument } from '../../shared-arguments.ts';

interface Flags {
  readonly limit?: number | undefined;
}

async function beliefHistory(this: CliContext, flags: Flags, id: string): Promise<void> {
  const valence = await this.open();
  const { type, id: found, changes, total } = await valence.belief.history(id, flags);
  const earlier = total - changes.length;
  if (earlier > 0) await this.output.note(`… ${earlier} earlier not shown; --limit ${total} shows all`);
  for (const change of changes) {
    if (this.output.closed) return;
    await this.output.result(change, () => describeChange(change));
  }
  if (this.output.json) await this.output.result({ type, id: found, shown: changes.length, total }, () => '');
}

export const beliefHistoryCommand: Command<CliContext> = withNotes(
  buildCommand<Flags, [string], CliContext>({
    func: beliefHistory,
    parameters: {
      flags: {
        limit: {
          kind: 'parsed',
          parse: count,
          optional: true,
          placeholder: 'N',
          brief: 'the newest so many changes; 100 when left out',
        },
      },
      positional: { kind: 'tuple', parameters: [beliefArgument] },
    },
    docs: {
      brief: 'tell what changed when',
      fullDescription:
        'Tells what was recorded of a belief and when, newest last: each version with how it differs from the one before, and the edges and sources that came and went.',
    },
  }),
  { exits: [...DATABASE_EXITS, 'graph/not-found'], json: HISTORY_JSON },
);
