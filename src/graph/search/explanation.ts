import { sql } from 'kysely';
import type { Session } from '../../schema/database.ts';
import { SEARCHED_CHARACTERS, wordsOf } from '../../schema/text-index.ts';
import { uuidArray } from '../records/uuid-array.ts';
import { recordedBeliefs } from '../walk/view.ts';
import type { View } from '../walk/view.ts';
import type { TextQuery } from './text-query.ts';

/** What of a belief the text of a search met. */
export interface Explanation {
  /** The words of the search that are in it, as they are indexed: stemmed. */
  readonly words: readonly string[];
  /** Pieces of the content around them, each word between « and ». */
  readonly headline: string;
}

const MARKS = 'StartSel=«, StopSel=»';
/** Some 60 words in three pieces: what can be read at a glance. */
const PIECES = `${MARKS}, MaxFragments=3, MaxWords=20, MinWords=5, FragmentDelimiter=" … "`;
/** A content of at most so many characters is given whole. */
const WHOLE_CHARACTERS_MAX = 200;
const WHOLE = `${MARKS}, HighlightAll=true`;

/** By belief; of those that have none of the words there is nothing. */
export async function explainMatches(
  session: Session,
  ids: readonly string[],
  { query, view }: { readonly query: TextQuery; readonly view: View },
): Promise<ReadonlyMap<string, Explanation>> {
  const { rows } = await sql<Explanation & { id: string }>`
    SELECT b.id, met.words,
      ts_headline(${query.language}::regconfig, left(b.content, ${SEARCHED_CHARACTERS}), met.query::tsquery,
        CASE WHEN length(b.content) <= ${WHOLE_CHARACTERS_MAX} THEN ${WHOLE} ELSE ${PIECES} END) AS headline
    FROM ${recordedBeliefs(view)} AS b CROSS JOIN LATERAL (
      SELECT array_agg(w.word ORDER BY w.place) AS words, string_agg(w.word, ' | ') AS query
      FROM unnest(${[...query.words]}::text[]) WITH ORDINALITY AS w (word, place)
      WHERE ${wordsOf('b.content', query.language)} @@ w.word::tsquery) AS met
    WHERE b.id = ANY (${uuidArray(ids)}) AND met.words IS NOT NULL`.execute(session.kysely);
  return new Map(rows.map(({ id, words, headline }) => [id, { words: words.map(unquoted), headline }]));
}

/** A word as a `tsquery` writes it, without quotes. */
function unquoted(word: string): string {
  return word.slice(1, -1).replaceAll("''", "'").replaceAll('\\\\', '\\');
}
