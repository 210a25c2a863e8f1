import type { ValenceError } from '../core/errors.ts';
import { exitOfError } from './exit.ts';
import type { CliIo } from './io.ts';
import { oneLine, printable } from './printable.ts';

const REPORT_AT = 'this is a defect; please report it with the output of the same command under VALENCE_DEBUG=1';

/**
 * Prints an error on standard error: a sentence, what it lists, and a hint, or with --json one object
 * `{type: "error", code, exit, message, hint, context}`. Stack traces only for defects, and only when VALENCE_DEBUG is set.
 */
export function reportError(error: ValenceError, io: CliIo, json: boolean): void {
  const hint = error.code === 'internal/invariant' ? REPORT_AT : error.hint;
  if (json) {
    const { code, message, context } = error;
    io.stderr.write(
      `${JSON.stringify({ type: 'error', code, exit: exitOfError(error), message, hint: hint ?? null, context })}\n`,
    );
  } else {
    io.stderr.write(`valence: ${printable(error.message)}\n`);
    for (const line of details(error)) io.stderr.write(`  ${printable(line)}\n`);
    if (hint !== undefined) io.stderr.write(`  ${printable(hint)}\n`);
  }
  if (error.code === 'internal/invariant' && isSet(io.env['VALENCE_DEBUG'])) io.stderr.write(`${traces(error)}\n`);
}

/** Prints what is wrong and keeps no command from its result, on standard error: a line, or with --json an object. */
export function reportWarning(message: string, io: CliIo, json: boolean): void {
  const line = json ? JSON.stringify({ type: 'warning', message }) : `valence: warning: ${oneLine(message, Infinity)}`;
  io.stderr.write(`${line}\n`);
}

/**
 * What an error lists: `problems` of an import, `missing` objects of a restore, `total` of them; locations with the `reason`
 * of each. The rest of a context is for programs.
 */
function details({ message, context }: ValenceError): string[] {
  const { problems, missing, reasons, locations, total } = context;
  const lines = [problems, missing].flatMap((list) => (Array.isArray(list) ? list.map(detail) : []));
  const places = [reasons, locations].flatMap((list) =>
    Array.isArray(list) ? list.filter(isPlace).map(placeLine) : [],
  );
  if (lines.length === 1 && lines[0] === message) return [...new Set(places)];
  const more = typeof total === 'number' && lines.length > 0 ? total - lines.length : 0;
  return [...lines, ...(more > 0 ? [`… and ${more} more`] : []), ...new Set(places)];
}

function detail(item: unknown): string {
  if (typeof item === 'string') return item;
  if (isProblem(item)) return `${item.file}:${item.line}: ${item.reason}`;
  return JSON.stringify(item);
}

function isProblem(item: unknown): item is { file: string; line: number; reason: string } {
  return typeof item === 'object' && item !== null && 'file' in item && 'line' in item && 'reason' in item;
}

interface PlaceReason {
  readonly location: string;
  readonly reason: string;
}

function isPlace(item: unknown): item is PlaceReason {
  return typeof item === 'object' && item !== null && 'location' in item && 'reason' in item;
}

/** Most reasons name the place themselves. */
function placeLine({ location, reason }: PlaceReason): string {
  return reason.includes(location) ? reason : `${location}: ${reason}`;
}

function traces(error: ValenceError): string {
  const stacks: string[] = [];
  for (let current: unknown = error; current instanceof Error; current = current.cause) {
    stacks.push(current.stack ?? current.message);
  }
  return stacks.join('\ncaused by ');
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== '0';
}
