import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { CliContext } from '../../command-context.ts';
import { DATABASE_EXITS, withNotes } from '../../command-help.ts';
import { text } from '../../parsers.ts';
import { SOURCE_JSON, sourceLine } from '../../render/belief.ts';

interface Flags {
  readonly type?: string | undefined;
  readonly all?: boolean | undefined;
}

async function sourceList(this: CliContext, flags: Flags): Promise<void> {
  const valence = await this.open();
  for await (const source of valence.source.list({ source_type: flags.type, all: flags.all })) {
    if (this.output.closed) return;
    await this.output.result(source, () => sourceLine(source));
  }
}

export const sourceListCommand: Command<CliContext> = withNotes(
  buildCommand<Flags, [], CliContext>({
    func: sourceList,
    parameters: {
      flags: {
        type: { kind: 'parsed', parse: text, optional: true, placeholder: 'TYPE', brief: 'only sources of this kind' },
        all: { kind: 'boolean', optional: true, withNegated: false, brief: 'retired ones too' },
      },
    },
    docs: { brief: 'list sources' },
  }),
  { exits: DATABASE_EXITS, json: [SOURCE_JSON] },
);
