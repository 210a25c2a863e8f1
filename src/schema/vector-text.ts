import { ValenceError } from '../core/errors.ts';

/** The text form of a `vector`, which both engines take as a parameter. Each number keeps its float32 value. */
export function formatVector(values: Iterable<number>): string {
  return `[${Array.from(values).join(',')}]`;
}

/** The numbers of a `vector` column. @throws `format/malformed` */
export function parseVector(text: string): number[] {
  const inner = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : '';
  const values = inner.split(',').map((item) => (item === '' ? Number.NaN : Number(item)));
  if (!values.every(Number.isFinite)) throw new ValenceError('format/malformed', 'not the text of a vector');
  return values;
}
