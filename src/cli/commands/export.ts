import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { CliContext } from '../command-context.ts';
import { DATABASE_EXITS, withNotes } from '../command-help.ts';
import { plural } from '../figures.ts';
import { writeLines } from '../line-file.ts';
import type { Output } from '../output.ts';
import { text } from '../parsers.ts';

interface Flags {
  readonly out?: string | undefined;
  readonly full?: boolean | undefined;
}

async function exportLines(this: CliContext, flags: Flags): Promise<void> {
  const valence = await this.open();
  const lines = valence.export({ full: flags.full === true });
  const { out } = flags;
  if (out === undefined || out === '-') return print(lines, this.output);
  const written = await writeLines(out, lines, { signal: this.io.signal });
  await this.output.result(
    { type: 'export', file: out, lines: written },
    () => `exported ${plural(written, 'line')} to ${out}`,
  );
}

async function print(lines: AsyncIterable<string>, output: Output): Promise<void> {
  for await (const line of lines) {
    if (output.closed) return;
    await output.raw(line);
  }
}

export const exportCommand: Command<CliContext> = withNotes(
  buildCommand<Flags, [], CliContext>({
    func: exportLines,
    parameters: {
      flags: {
        out: {
          kind: 'parsed',
          parse: text,
          optional: true,
          placeholder: 'FILE',
          brief: 'write to a file, whole or not at all; - is standard output, as when left out',
        },
        full: {
          kind: 'boolean',
          optional: true,
          withNegated: false,
          brief: 'with ids, times, status, sources, versions and embeddings',
        },
      },
    },
    docs: {
      brief: 'write the knowledge as JSON lines',
      fullDescription:
        'Writes the knowledge as JSON lines that `valence import` reads, in an order that depends only on what is stored. With --full\n' +
        'nothing is left out, so that an import of it has the same digest.',
    },
  }),
  {
    exits: [...DATABASE_EXITS, 'database/failed', 'backend/full'],
    json: ['{"type":"export","file","lines"}, with --out; else the lines themselves'],
  },
);
