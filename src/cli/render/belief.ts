import type { Belief, BeliefDetails, Source } from '../../app/knowledge-calls.ts';
import { plural } from '../figures.ts';
import { oneLine } from '../printable.ts';

/** Long enough for most statements, short enough for a wide terminal beside an id. */
const CONTENT_LENGTH = 100;

export const BELIEF_JSON =
  '{"type":"belief","id","content","confidence","dimensions","domains":[…],"status","valid_from","valid_until","metadata","version","created_at","updated_at"}';

export const SOURCE_JSON =
  '{"type":"source","id","source_type","source_id","title","uri","metadata","created_at","retired_at"}';

/** Id, what can be known at a glance, and the beginning of the content. */
export function beliefLine(belief: Belief): string {
  const status = belief.status === 'active' ? '' : ` [${belief.status}]`;
  return `${belief.id}  ${belief.confidence.toFixed(2)}${status}  ${oneLine(belief.content, CONTENT_LENGTH)}`;
}

export function describeBelief(belief: Belief): string {
  return [
    belief.content,
    '',
    `id          ${belief.id}`,
    `status      ${belief.status}, version ${belief.version}`,
    `confidence  ${belief.confidence}`,
    ...optional('dimensions', belief.dimensions),
    ...(belief.domains.length === 0 ? [] : [`domains     ${belief.domains.join(', ')}`]),
    ...validity(belief),
    ...optional('metadata', Object.keys(belief.metadata).length === 0 ? null : belief.metadata),
    `created     ${belief.created_at}`,
    `updated     ${belief.updated_at}`,
  ].join('\n');
}

export function describeDetails(details: BeliefDetails): string {
  return [
    describeBelief(details),
    ...details.sources.map((source) => `source      ${sourceLine(source)}`),
    ...(details.models.length === 0 ? [] : [`embeddings  ${details.models.join(', ')}`]),
    `edges       ${details.edges.outgoing} outgoing, ${details.edges.incoming} incoming`,
    ...(details.versions.length === 0 ? [] : [`before      ${plural(details.versions.length, 'version')}`]),
    ...details.versions.map(
      (was) =>
        `  ${was.version}  until ${was.replaced_at}  ${was.confidence.toFixed(2)}  ${oneLine(was.content, CONTENT_LENGTH)}`,
    ),
  ].join('\n');
}

export function sourceLine(source: Source): string {
  const retired = source.retired_at === null ? '' : ' [retired]';
  return `${source.id}  ${source.source_type} ${source.source_id}${titled(source)}${retired}`;
}

function titled({ title }: Source): string {
  return title === null ? '' : `  ${oneLine(title, CONTENT_LENGTH)}`;
}

function validity({ valid_from: from, valid_until: until }: Belief): string[] {
  if (from === null && until === null) return [];
  return [`valid       ${from ?? 'ever'} – ${until ?? 'open'}`];
}

function optional(name: string, value: object | null): string[] {
  return value === null ? [] : [`${name.padEnd(11)} ${JSON.stringify(value)}`];
}
