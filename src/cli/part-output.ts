import { stat } from 'node:fs/promises';
import { extname } from 'node:path';
import type { FlagParametersForType } from '@stricli/core';
import { GRAPH_FORMATS } from '../app/graph-calls.ts';
import type { GraphFormat } from '../app/graph-calls.ts';
import type { Valence } from '../app.ts';
import { ValenceError } from '../core/errors.ts';
import type { CliContext } from './command-context.ts';
import { plural } from './figures.ts';
import { requireNewFile, writeLines } from './line-file.ts';
import { text } from './parsers.ts';
import { openFlag, showPicture, warnIfCut } from './picture.ts';
import type { FoundPart } from './picture.ts';

/** Where a query's answer goes, if not to the screen: into a file or a picture. */
export interface PartFlags {
  readonly format?: GraphFormat | undefined;
  readonly output?: string | undefined;
  readonly open?: boolean | undefined;
}

export const partFlags: FlagParametersForType<PartFlags, CliContext> = {
  format: { kind: 'enum', values: GRAPH_FORMATS, optional: true, brief: 'write it for other tools' },
  output: {
    kind: 'parsed',
    parse: text,
    optional: true,
    placeholder: 'FILE',
    brief:
      'into this file, whole or not at all; its ending says the format where --format does not; - is standard output',
  },
  open: openFlag,
};

export const PART_JSON =
  '{"type":"graph-file","file","format","beliefs","edges","stopped"}, with --output; with --format alone, that format itself';

/** Does what the flags ask for with the part; `null`: they ask for nothing. */
export type PartWriter = (valence: Valence, part: FoundPart) => Promise<void>;

/**
 * Looks at the flags before a query is run, so that what cannot be written is known at once. A file that is there is replaced after a
 * yes only. @throws `usage/invalid`, `cancelled`
 */
export async function partWriter(context: CliContext, { format, output, open }: PartFlags): Promise<PartWriter | null> {
  if (open === true) {
    if (format === undefined && output === undefined) return (valence, part) => showPicture(context, valence, part);
    throw new ValenceError('usage/invalid', '--open writes a file of its own', {
      hint: 'leave out --format and --output',
    });
  }
  if (output === undefined) return format === undefined ? null : printer(context, format);
  const chosen = format ?? formatOf(output);
  if (output === '-') return printer(context, chosen);
  const exclusive = !(await stat(output).catch(() => null))?.isFile();
  await (exclusive ? requireNewFile(output) : context.confirm(`Replace the file ${output}?`));
  return async (valence, part) => {
    warnIfCut(context, part);
    await writeLines(output, valence.graph.export(part, chosen), { signal: context.io.signal, exclusive });
    const [beliefs, edges] = [part.beliefs.length, part.edges.length];
    await context.output.result(
      { type: 'graph-file', file: output, format: chosen, beliefs, edges, stopped: part.stopped },
      () => `wrote ${plural(beliefs, 'belief')} and ${plural(edges, 'edge')} to ${output}`,
    );
  };
}

function printer(context: CliContext, format: GraphFormat): PartWriter {
  const { output } = context;
  return async (valence, part) => {
    warnIfCut(context, part);
    for await (const line of valence.graph.export(part, format)) {
      if (output.closed) return;
      await output.raw(line);
    }
  };
}

const ENDINGS: Readonly<Record<string, GraphFormat>> = {
  '.json': 'json',
  '.graphml': 'graphml',
  '.dot': 'dot',
  '.gv': 'dot',
  '.svg': 'svg',
  '.cypher': 'cypher',
  '.cql': 'cypher',
};

function formatOf(file: string): GraphFormat {
  const format = ENDINGS[extname(file).toLowerCase()];
  if (format !== undefined) return format;
  throw new ValenceError('usage/invalid', `the name ${file} does not say a format`, {
    hint: `give one of them with --format: ${GRAPH_FORMATS.join(', ')}`,
  });
}
