import { basename, dirname } from 'node:path';
import type { Document, ParsedNode } from 'yaml';
import { LineCounter, isCollection, isMap, isNode, isScalar, parseDocument } from 'yaml';
import { ValenceError } from '../core/errors.ts';
import type { ConfigProblem } from './config-check.ts';
import { checkConfig } from './config-check.ts';
import type { Config } from './schema.ts';

/** Far above any real file; a guard against reading something else. */
const CONFIG_CHARACTERS_MAX = 1024 * 1024;

export interface ParsedConfig {
  readonly config: Config;
  readonly document: Document.Parsed;
}

/**
 * Parses and checks the text of a `valence.yaml`. `path` is used in errors, and its folder for paths that are not
 * absolute. `hint` is for problems that have none of their own.
 * @throws `config/invalid` naming file, line, column and key of the first problem; all are in the context
 */
export function parseConfig(
  text: string,
  path: string,
  { hint = `correct ${path}` }: { readonly hint?: string } = {},
): ParsedConfig {
  if (text.length > CONFIG_CHARACTERS_MAX) throw new ValenceError('config/invalid', `${path} is too large`);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true, version: '1.2' });
  const [broken] = [...document.errors, ...document.warnings];
  if (broken !== undefined) {
    throw invalid(path, hint, [{ ...lines.linePos(broken.pos[0]), what: firstLine(broken.message) }]);
  }
  const { config, problems } = checkConfig(toValue(document, path), dirname(path));
  if (config !== null) return { config, document };
  const found = problems.map((problem) => ({
    ...lines.linePos(offsetOf(document, problem)),
    what: `${problem.path.map(String).join('.')} ${problem.message}`.trimStart(),
    hint: problem.hint,
  }));
  throw invalid(
    path,
    hint,
    found.toSorted((a, b) => a.line - b.line || a.col - b.col),
  );
}

interface LocatedProblem {
  readonly line: number;
  readonly col: number;
  readonly what: string;
  readonly hint?: string | undefined;
}

function invalid(path: string, hint: string, problems: readonly LocatedProblem[]): ValenceError {
  const lines = problems.map(({ line, col, what }) => `${basename(path)}:${line}:${col}: ${what}`);
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  return new ValenceError('config/invalid', `${lines[0]}${more}`, {
    hint: problems[0]?.hint ?? hint,
    context: { path, line: problems[0]?.line, column: problems[0]?.col, problems: lines },
  });
}

function toValue(document: Document.Parsed, path: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    throw new ValenceError('config/invalid', `${path} cannot be read: too many aliases`, { cause });
  }
}

/** Where the problem stands; for what is missing, the section it is missing from. */
function offsetOf(document: Document.Parsed, { path, atKey }: ConfigProblem): number {
  if (atKey) {
    const section = nodeAt(document, path.slice(0, -1));
    const key = isMap(section) ? section.items.find((pair) => scalarOf(pair.key) === String(path.at(-1)))?.key : null;
    if (isNode(key) && key.range) return key.range[0];
  }
  for (let depth = path.length; depth >= 0; depth -= 1) {
    const node = nodeAt(document, path.slice(0, depth));
    if (isNode(node) && node.range) return node.range[0];
  }
  return 0;
}

function nodeAt(document: Document.Parsed, path: readonly PropertyKey[]): unknown {
  let node: unknown = document.contents satisfies ParsedNode | null;
  for (const key of path) {
    node = isCollection(node) ? node.get(key, true) : null;
  }
  return node;
}

function scalarOf(key: unknown): string {
  return String(isScalar(key) ? key.value : key);
}

function firstLine(message: string): string {
  return (message.split('\n')[0] ?? '').replace(/^./, (letter) => letter.toLowerCase());
}
