import type {
  DomainsChange,
  FieldChanges,
  HistoryChange,
  TextPiece,
  ValueChange,
  VersionRecorded,
} from '../../app/knowledge-calls.ts';
import { oneLine } from '../printable.ts';

export const HISTORY_JSON: readonly string[] = [
  '{"type":"change","at","change":"recorded","version","until","said":{"content","content_length","confidence","status","domains","valid_from","valid_until","dimensions","metadata"}}',
  '{"type":"change","at","change":"changed","version","from_version","until","fields":{"content":{"difference":[{"kind":"same|removed|added","text"}],"complete"},"domains":{"before","after","added","removed"},"metadata":{key:{"before","after"}},field:{"before","after"}}}',
  '{"type":"change","at","change":"edge-added|edge-retired","direction":"outgoing|incoming","edge":{…},"other":{"id","label"}}',
  '{"type":"change","at","change":"source-linked|source-retired","source":{…}}',
  '{"type":"history","id","shown","total"}',
];

/** Long enough for most statements. */
const VALUE_LENGTH = 100;
/** Of what stayed the same beside a change. */
const AROUND_LENGTH = 40;

/** What happened, and below it what it changed. */
export function describeChange(change: HistoryChange): string {
  const { at } = change;
  switch (change.change) {
    case 'recorded':
      return [`${at}  version ${change.version}${until(change.until)}`, ...statement(change.said)].join('\n');
    case 'changed':
      return [`${at}  version ${change.version}${until(change.until)}`, ...fieldLines(change.fields)].join('\n');
    case 'edge-added':
    case 'edge-retired': {
      const { edge, other } = change;
      const sign = change.change === 'edge-added' ? '+' : '-';
      const way = change.direction === 'outgoing' ? '→' : '←';
      return `${at}  ${sign} edge ${edge.id}  ${way} ${edge.edge_type} (${edge.weight})  ${other.id}  ${oneLine(other.label, VALUE_LENGTH)}`;
    }
    case 'source-linked':
    case 'source-retired': {
      const { source } = change;
      const what = change.change === 'source-linked' ? '+ source' : 'source retired:';
      return `${at}  ${what} ${source.source_type} ${source.source_id}`;
    }
  }
}

function until(time: string | null): string {
  return time === null ? ', as it stands' : `, until ${time}`;
}

function statement(said: VersionRecorded['said']): string[] {
  const { dimensions, metadata, valid_from: from, valid_until: end } = said;
  return [
    line('content', oneLine(said.content, VALUE_LENGTH)),
    line('confidence', String(said.confidence)),
    ...(said.status === 'active' ? [] : [line('status', said.status)]),
    ...(said.domains.length === 0 ? [] : [line('domains', said.domains.join(', '))]),
    ...(from === null && end === null ? [] : [line('valid', `${from ?? 'ever'} – ${end ?? 'open'}`)]),
    ...(dimensions === null ? [] : [line('dimensions', value(dimensions))]),
    ...(Object.keys(metadata).length === 0 ? [] : [line('metadata', value(metadata))]),
  ];
}

function fieldLines({ content, domains, dimensions, metadata, ...scalars }: FieldChanges): string[] {
  return [
    ...(content === undefined ? [] : [line('content', marked(content.difference, content.complete))]),
    ...Object.entries(scalars).map(([name, change]) => line(name, arrow(change))),
    ...(domains === undefined ? [] : [line('domains', domainSigns(domains))]),
    ...Object.entries(dimensions ?? {}).map(([key, change]) => line('dimensions', `${key} ${arrow(change)}`)),
    ...Object.entries(metadata ?? {}).map(([key, change]) => line('metadata', `${key} ${arrow(change)}`)),
  ];
}

function line(name: string, text: string): string {
  return `    ${name.padEnd(11)} ${text}`;
}

function arrow(change: ValueChange): string {
  return `${value(change.before)} → ${value(change.after)}`;
}

function value(of: unknown): string {
  if (of === undefined || of === null) return 'none';
  return oneLine(typeof of === 'string' ? of : JSON.stringify(of), VALUE_LENGTH);
}

function domainSigns({ before, after, added, removed }: DomainsChange): string {
  const signs = [...removed.map((name) => `-${name}`), ...added.map((name) => `+${name}`)];
  // The same ones in another order, or one of them as often as it was not.
  return signs.length > 0 ? signs.join(' ') : `${value(before)} → ${value(after)}`;
}

/** As `wdiff` writes it, on one line, with little of what stayed the same. */
function marked(pieces: readonly TextPiece[], complete: boolean): string {
  const text = pieces
    .map(({ kind, text: piece }, index) => {
      if (kind === 'removed') return `[-${flat(piece)}-]`;
      if (kind === 'added') return `{+${flat(piece)}+}`;
      return around(flat(piece), index === 0, index === pieces.length - 1);
    })
    .join('');
  if (complete) return text;
  return text === '' || pieces.every(({ kind }) => kind === 'same')
    ? 'differs beyond what is compared'
    : `${text} … the rest is not compared`;
}

function flat(text: string): string {
  return text.replaceAll('\n', '⏎');
}

/** The end of what comes before a change, and the beginning of what follows one. */
function around(text: string, first: boolean, last: boolean): string {
  const characters = [...text];
  const kept = first || last ? AROUND_LENGTH : 2 * AROUND_LENGTH;
  if (characters.length <= kept) return text;
  const head = first ? '' : characters.slice(0, AROUND_LENGTH).join('');
  return `${head}…${last ? '' : characters.slice(-AROUND_LENGTH).join('')}`;
}
