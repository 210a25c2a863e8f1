import type { SearchHit, SearchNeighbour, SearchSummary } from '../../app/search-calls.ts';
import { plural } from '../figures.ts';
import { oneLine } from '../printable.ts';
import { beliefLine } from './belief.ts';

export const SEARCH_JSON: readonly string[] = [
  '{"type":"hit","score","ranks":{"text","vector"},"scores":{"text","vector"},"belief":{…},"explanation":{"words":[…],"headline"}}, of ranks and scores those that there are, explanation with --explain',
  '{"type":"neighbour","via":{"hit","hops","edge","from"},"belief":{…}}, with --expand',
  '{"type":"search","hits","neighbours","language","model","text":{"matches","indexed"},"withoutText","vector":{"matches","exact"},"withoutVectors":{"reason","message"},"as_of","known_at","stopped":"candidates|neighbours|time"}, null where there is none',
];

const HEADLINE_LENGTH = 300;

/** `vectors`: whether any were compared. */
export function describeHit(hit: SearchHit, { explain, vectors }: { explain: boolean; vectors: boolean }): string {
  const { score, ranks, scores, belief, explanation } = hit;
  const line = `${score.toFixed(4)}  ${beliefLine(belief)}`;
  if (!explain) return line;
  const vectorPlace =
    ranks.vector === undefined
      ? 'not near by vector'
      : `vector place ${ranks.vector} (cosine ${scores.vector?.toFixed(4)})`;
  const places = [
    ranks.text === undefined ? 'not found by text' : `text place ${ranks.text} (rank ${scores.text?.toPrecision(3)})`,
    ...(vectors ? [vectorPlace] : []),
  ];
  const words = explanation === undefined ? [] : [`words: ${explanation.words.join(', ')}`];
  const headline = explanation === undefined ? [] : [oneLine(explanation.headline, HEADLINE_LENGTH)];
  return [line, ...[[...places, ...words].join('; '), ...headline].map((text) => `        ${text}`)].join('\n');
}

export function describeSearchNeighbour({ via, belief }: SearchNeighbour): string {
  return `${'  '.repeat(via.hops)}~ ${beliefLine(belief)}  (${plural(via.hops, 'hop')} from ${via.hit})`;
}

/** What was searched, and what was not. */
export function describeSearch(summary: SearchSummary): string {
  const { hits, neighbours, stopped } = summary;
  const found = `${plural(hits, 'hit')}${neighbours === 0 ? '' : `, ${plural(neighbours, 'neighbour')}`}`;
  return [found, textLine(summary), vectorLine(summary), ...(stopped === null ? [] : [STOPPED[stopped]])].join('\n');
}

const STOPPED: Readonly<Record<NonNullable<SearchSummary['stopped']>, string>> = {
  candidates: 'stopped  more texts match than were ranked: of those the shortest were; search for rarer words',
  neighbours: 'stopped  there are more neighbours than are shown',
  time: 'stopped  time ran out, so there may be more; --timeout allows longer',
};

function textLine({ text, withoutText, language }: SearchSummary): string {
  if (text !== null) return `text     ${language}, ${text.indexed ? 'by index' : 'every text read, there is no index'}`;
  return withoutText === 'no-words'
    ? `text     nothing to look for: only stop words of ${language}, punctuation or words to leave out`
    : 'text     none was given';
}

function vectorLine({ vector, model, withoutVectors }: SearchSummary): string {
  if (vector !== null) return `vectors  ${model}, ${vector.exact ? 'compared exactly' : 'by index'}`;
  return `vectors  none: ${withoutVectors?.message ?? 'none was given'}`;
}
