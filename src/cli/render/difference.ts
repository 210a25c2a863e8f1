import type { ComparedSnapshot, DiffSummary, FieldChange, RowDifference } from '../../app/diff-calls.ts';
import { formatBytes, formatCount, table } from '../figures.ts';
import { oneLine } from '../printable.ts';
import { shortId } from './snapshot.ts';

export const DIFFERENCE_JSON =
  '{"type":"difference","table":"beliefs|versions|sources|provenance|edges|models|embeddings","change":"added|changed|removed","id",…,"label","row":{column:value}|null,"fields":{column:{"before","after"}}|null}';

export const DIFF_SUMMARY_JSON =
  '{"type":"summary","before":{"id","tier","sequence","createdAt"},"after":{…},"tables":{table:{"added","changed","removed"}},"embeddingsByModel":{model:{…}},"bytesRead"}';

const SIGNS: Readonly<Record<RowDifference['change'], string>> = { added: '+', changed: '~', removed: '-' };

const NOUNS: Readonly<Record<RowDifference['table'], string>> = {
  beliefs: 'belief',
  versions: 'version',
  sources: 'source',
  provenance: 'provenance',
  edges: 'edge',
  models: 'model',
  embeddings: 'embedding',
};

/** The time in a UUIDv7 and twelve random bits: enough for `belief show`, except for ids that somebody counted up. */
const ROW_ID_LENGTH = 18;
/** Of a text that changed, before and after. */
const VALUE_LENGTH = 48;
/** What follows from any other change, and would hide it. */
const CONSEQUENCES: ReadonlySet<string> = new Set(['version', 'updated_at']);

/** One line of at most `width` characters: how the row changed, which it is, and what it says. */
export function differenceLine(difference: RowDifference, width: number): string {
  const { table: name, change, label, fields } = difference;
  const parts = [
    `${SIGNS[change]} ${NOUNS[name].padEnd(6)} ${identity(difference)}`,
    ...(fields === null ? standing(difference) : [changes(fields)]),
    // What it says now stands there already.
    ...(label === null || fields?.['content'] !== undefined ? [] : [oneLine(label, width)]),
  ];
  const characters = [...parts.join('  ')];
  return characters.length <= width ? characters.join('') : `${characters.slice(0, width - 1).join('')}…`;
}

/** Rows a table, then what was compared. */
export function describeDiff(summary: DiffSummary): string {
  const counted = Object.entries(summary.tables).map(([name, counts]) => ({ name, ...counts }));
  const models = Object.entries(summary.embeddingsByModel).map(([name, counts]) => ({
    name: `  ${oneLine(name, VALUE_LENGTH)}`,
    ...counts,
  }));
  const rows = [...counted, ...models].filter(({ added, changed, removed }) => added + changed + removed > 0);
  const cells = rows.map(({ name, added, changed, removed }) => [name, ...[added, changed, removed].map(formatCount)]);
  const totals = rows.length === 0 ? 'no difference' : table([['', 'ADDED', 'CHANGED', 'REMOVED'], ...cells]);
  return `${totals}\n${named(summary.before)} → ${named(summary.after)}, ${formatBytes(summary.bytesRead)} read`;
}

function named({ tier, sequence, id, createdAt }: ComparedSnapshot): string {
  return `${tier} #${sequence} ${shortId(id)} (${createdAt})`;
}

function identity({ id, version, source, target, edge_type: edgeType, model }: RowDifference): string {
  const short = shortRowId(id);
  if (target !== undefined) return `${short} ${shortRowId(source ?? '')} ${edgeType} ${shortRowId(target)}`;
  if (source !== undefined) return `${short} from ${shortRowId(source)}`;
  if (version !== undefined) return `${short} version ${version}`;
  return model === undefined ? short : `${short} ${oneLine(model, VALUE_LENGTH)}`;
}

/** How sure a belief is or was, or how much an edge weighs or weighed. */
function standing({ row }: RowDifference): string[] {
  const number = row?.['confidence'] ?? row?.['weight'];
  return typeof number === 'number' ? [number.toFixed(2)] : [];
}

function changes(fields: Readonly<Record<string, FieldChange>>): string {
  const all = Object.entries(fields);
  const said = all.filter(([name]) => !CONSEQUENCES.has(name));
  return (said.length === 0 ? all : said)
    .map(([name, { before, after }]) => (isVector(after) ? name : `${name} ${value(before)} → ${value(after)}`))
    .join(', ');
}

/** All that is told of a vector is its length. */
function isVector(of: unknown): boolean {
  return typeof of === 'object' && of !== null && Object.keys(of).join() === 'dimensions';
}

function value(of: unknown): string {
  if (of === null) return 'none';
  return oneLine(typeof of === 'string' ? of : JSON.stringify(of), VALUE_LENGTH);
}

function shortRowId(id: string): string {
  return id.slice(0, ROW_ID_LENGTH);
}
