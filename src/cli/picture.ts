import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GraphPart } from '../app/graph-calls.ts';
import type { Valence } from '../app.ts';
import { utf8 } from '../core/bytes.ts';
import { translated, writeFileDurably } from '../core/files.ts';
import type { CliContext } from './command-context.ts';
import { launchProgram, openFile } from './open-file.ts';

export const PICTURE_JSON = '{"type":"picture","file","opened","stopped"}, with --open';

/** What a query found, and which limit ended it. */
export interface FoundPart extends GraphPart {
  readonly stopped: string | null;
}

/** A file or picture cannot say that it is not all. */
export function warnIfCut(context: CliContext, { stopped }: FoundPart): void {
  if (stopped !== null) context.warn(`this is not all of it: the query ended at the limit on ${stopped}`);
}

interface OpenFlag {
  readonly kind: 'boolean';
  readonly optional: true;
  readonly withNegated: false;
  readonly brief: string;
}

export const openFlag: OpenFlag = {
  kind: 'boolean',
  optional: true,
  withNegated: false,
  brief: 'draw it, and open the picture',
};

/**
 * Draws a part of the graph into a page that only its owner can read, and opens it; where there is nothing to open it with, the
 * path is all. @throws `graph/refused` where it is too large to draw, `backend/*` of the temporary folder
 */
export async function showPicture(context: CliContext, valence: Valence, part: FoundPart): Promise<void> {
  warnIfCut(context, part);
  const lines: string[] = [];
  for await (const line of valence.graph.export(part, 'svg')) lines.push(line);
  const folder = await translated('make folder', tmpdir(), () => mkdtemp(join(tmpdir(), 'valence-')));
  const file = join(folder, 'graph.html');
  await writeFileDurably(file, utf8(page(lines)), { mode: 0o600, exclusive: true, signal: context.io.signal });
  const opened = await openFile(file, { platform: process.platform, env: context.io.env, launch: launchProgram });
  await context.output.result({ type: 'picture', file, opened, stopped: part.stopped }, () =>
    opened ? `opened ${file}` : file,
  );
}

/** No script is in it, and none would run. */
function page(svg: readonly string[]): string {
  const picture = svg.filter((line) => !line.startsWith('<?xml'));
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8"><title>Valence graph</title>',
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; style-src \'unsafe-inline\'">',
    '<style>body{margin:0;background:#fff}svg{display:block;margin:auto}</style></head><body>',
    ...picture,
    '</body></html>',
    '',
  ].join('\n');
}
