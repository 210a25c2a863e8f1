import { createHash } from 'node:crypto';
import { equalBytes, toHex, utf8, view } from '../../core/bytes.ts';
import { ValenceError } from '../../core/errors.ts';

/** A key file as text that survives printing and retyping. */
export interface Armour {
  /** What the file is, e.g. "master key"; part of its first line. */
  readonly kind: string;
  /** Lines for the person who finds the file, printable ASCII without the leading "# ". */
  readonly notes: readonly string[];
  readonly payload: Uint8Array;
}

const VERSION = 1;
const LINE_CHARACTERS = 64;
const FILE_BYTES_MAX = 256 * 1024;
const CHECKSUM_BYTES = 8;

/** The bytes of the file: title, notes, base64 lines and checksum, each line ended by LF (FORMAT.md §3.7). */
export function encodeArmour({ kind, notes, payload }: Armour): Uint8Array {
  const base64 = view(payload).toString('base64');
  const lines = [titleOf(kind, VERSION), ...notes.map((note) => `# ${note}`), ...splitLines(base64)];
  return utf8(`${lines.join('\n')}\nchecksum ${checksum(lines)}\n`);
}

/**
 * The payload of an armoured file of this kind. Blank lines, and spaces, tabs and carriage returns at the ends of lines,
 * do not matter; any other change does.
 * @throws `format/newer` for a later version, `format/malformed` for everything else
 */
export function decodeArmour(bytes: Uint8Array, kind: string): Uint8Array {
  const lines = readLines(bytes, kind);
  checkTitle(lines[0], kind);
  const sum = lines.pop();
  if (sum !== `checksum ${checksum(lines)}`) throw malformed(kind, 'the checksum does not match');
  const base64 = lines
    .slice(1)
    .filter((line) => !line.startsWith('# '))
    .join('');
  const payload = Buffer.from(base64, 'base64');
  const canonical = encodeArmour({ kind, notes: notesOf(lines), payload });
  if (!equalBytes(canonical, utf8(`${[...lines, sum].join('\n')}\n`)))
    throw malformed(kind, 'the lines are not in order');
  return payload;
}

function readLines(bytes: Uint8Array, kind: string): string[] {
  if (bytes.length > FILE_BYTES_MAX) throw malformed(kind, 'the file is too large');
  const text = view(bytes).toString('latin1');
  const lines = text
    .split('\n')
    .map((line) => line.replace(/^[ \t\r]+|[ \t\r]+$/g, ''))
    .filter((line) => line !== '');
  if (!lines.every((line) => /^[\x20-\x7e]+$/.test(line))) throw malformed(kind, 'there are unprintable characters');
  return lines;
}

function checkTitle(line: string | undefined, kind: string): void {
  const version = /^valence (.+) v([1-9][0-9]{0,8})$/.exec(line ?? '');
  if (version?.[1] !== kind) throw malformed(kind, `the first line is not "${titleOf(kind, VERSION)}"`);
  if (Number(version[2]) > VERSION) {
    throw new ValenceError('format/newer', `${kind} file is of version ${version[2]}`, {
      hint: 'install a newer release of Valence',
    });
  }
}

function notesOf(lines: readonly string[]): string[] {
  return lines.filter((line) => line.startsWith('# ')).map((line) => line.slice(2));
}

function titleOf(kind: string, version: number): string {
  return `valence ${kind} v${version}`;
}

function splitLines(base64: string): string[] {
  return base64.match(new RegExp(`.{1,${LINE_CHARACTERS}}`, 'g')) ?? [];
}

function checksum(lines: readonly string[]): string {
  const digest = createHash('sha256')
    .update(utf8(`${lines.join('\n')}\n`))
    .digest();
  return toHex(digest.subarray(0, CHECKSUM_BYTES));
}

function malformed(kind: string, reason: string): ValenceError {
  return new ValenceError('format/malformed', `${kind} file is damaged: ${reason}`, {
    hint: 'compare it with the printed copy, or use another copy',
  });
}
