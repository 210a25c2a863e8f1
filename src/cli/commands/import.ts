import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { ImportReport } from '../../app/knowledge-calls.ts';
import type { CliContext } from '../command-context.ts';
import { DATABASE_EXITS, withNotes } from '../command-help.ts';
import { formatCount, plural } from '../figures.ts';
import { text } from '../parsers.ts';

interface Flags {
  readonly model?: string | undefined;
  readonly onConflict: 'error' | 'skip' | 'update';
}

async function importFiles(this: CliContext, flags: Flags, ...files: readonly string[]): Promise<void> {
  const { fileInput, streamInput } = await import('../../app/import-inputs.ts');
  const valence = await this.open();
  const inputs = files.map((file) => (file === '-' ? streamInput('standard input', this.io.stdin) : fileInput(file)));
  // Whoever writes into the pipe may never end: an import that ends early must not wait for it.
  using stack = new DisposableStack();
  if (files.includes('-')) {
    const close = (): void => void this.io.stdin.destroy();
    this.io.signal.addEventListener('abort', close);
    stack.defer(close);
  }
  const report = await valence.import(inputs, flags);
  await this.output.result(report, () => describe(report));
}

function describe(report: ImportReport): string {
  const { beliefs, edges, sources, embeddings, updated, skipped, folded } = report;
  const rest = [
    [updated, 'changed'],
    [skipped, 'already there'],
    [folded, 'folded: a contradiction said twice or from both sides'],
  ] as const;
  return [
    `imported ${plural(beliefs, 'belief')}, ${plural(edges, 'edge')}, ${plural(sources, 'source')}, ${plural(embeddings, 'embedding')}`,
    ...rest.filter(([count]) => count > 0).map(([count, what]) => `${formatCount(count)} ${what}`),
  ].join('\n');
}

export const importCommand: Command<CliContext> = withNotes(
  buildCommand<Flags, readonly string[], CliContext>({
    func: importFiles,
    parameters: {
      flags: {
        model: {
          kind: 'parsed',
          parse: text,
          optional: true,
          placeholder: 'NAME',
          brief: 'model whose vectors the field "embedding" has',
        },
        onConflict: {
          kind: 'enum',
          values: ['error', 'skip', 'update'],
          default: 'error',
          brief: 'what to do with an id that is already stored',
        },
      },
      positional: {
        kind: 'array',
        minimum: 1,
        parameter: { parse: text, placeholder: 'FILE', brief: 'JSON lines, plain or gzip; - is standard input' },
      },
    },
    docs: {
      brief: 'bring in beliefs and edges from JSON lines',
      fullDescription:
        'Brings in beliefs and edges from JSON lines, plain or gzip (docs/import-format.md). All lines are checked first: if any is\n' +
        'bad, the first hundred are listed with their reasons and nothing is imported.',
    },
  }),
  {
    exits: [...DATABASE_EXITS, 'import/invalid', 'database/failed'],
    json: ['{"type":"import","beliefs","edges","sources","embeddings","updated","skipped","folded"}'],
  },
);
