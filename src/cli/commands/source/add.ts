import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { JsonObject } from '../../../app/knowledge-calls.ts';
import type { CliContext } from '../../command-context.ts';
import { DATABASE_EXITS, withNotes } from '../../command-help.ts';
import { jsonObject, text } from '../../parsers.ts';
import { SOURCE_JSON, sourceLine } from '../../render/belief.ts';

interface Flags {
  readonly title?: string | undefined;
  readonly uri?: string | undefined;
  readonly metadata?: JsonObject | undefined;
}

async function sourceAdd(this: CliContext, flags: Flags, type: string, id: string): Promise<void> {
  const valence = await this.open();
  const source = await valence.source.add({ ...flags, source_type: type, source_id: id });
  await this.output.result(source, () => sourceLine(source));
}

export const sourceAddCommand: Command<CliContext> = withNotes(
  buildCommand<Flags, [string, string], CliContext>({
    func: sourceAdd,
    parameters: {
      flags: {
        title: { kind: 'parsed', parse: text, optional: true, placeholder: 'TEXT', brief: 'what it is called' },
        uri: { kind: 'parsed', parse: text, optional: true, placeholder: 'URI', brief: 'where it is found' },
        metadata: {
          kind: 'parsed',
          parse: jsonObject,
          optional: true,
          placeholder: 'JSON',
          brief: 'whatever else, an object',
        },
      },
      positional: {
        kind: 'tuple',
        parameters: [
          { parse: text, placeholder: 'TYPE', brief: 'kind of source, e.g. web, book, chat' },
          { parse: text, placeholder: 'ID', brief: 'its id there, e.g. a URL, an ISBN' },
        ],
      },
    },
    docs: { brief: 'add a source' },
  }),
  { exits: [...DATABASE_EXITS, 'graph/refused'], json: [SOURCE_JSON] },
);
