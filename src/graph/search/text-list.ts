import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';
import type { Session } from '../../schema/database.ts';
import { hasTextIndex, SEARCHED_CHARACTERS, wordsOf } from '../../schema/text-index.ts';
import { recordedBeliefs } from '../walk/view.ts';
import { passes } from './search-filter.ts';
import type { SearchFilter } from './search-filter.ts';
import type { TextQuery } from './text-query.ts';
import { withinTime } from './time-limit.ts';
import type { Deadline } from './time-limit.ts';

/** A belief that full text found. Its rank is its place in the list. */
export interface TextMatch {
  readonly id: string;
  /** Cover density over 1 + ln(length): `ts_rank_cd` with normalisation 1 (Clarke, Cormack and Tudhope 2000). */
  readonly score: number;
  /** Whether it is what the query says, not only some of its words. */
  readonly all: boolean;
}

export interface TextList {
  readonly matches: readonly TextMatch[];
  /** By the index, or by reading every belief that passes the filter. */
  readonly indexed: boolean;
  /** `candidates`: more beliefs matched than were ranked. */
  readonly stopped: 'candidates' | 'time' | null;
}

/**
 * Matches that are ranked, the shortest first: of equal words the shorter text has the better rank. Ranking takes a text
 * apart again: 10 µs for one of a line, at most 50 ms for the longest.
 */
export const CANDIDATES_MAX = 5000;
/** Bytes of texts that are ranked; at some 10 MB a second. */
const CANDIDATE_BYTES_MAX = 16 * 1024 * 1024;
/** Of each word, where only some are asked for. */
const CANDIDATES_A_WORD_MIN = 200;

interface Asked {
  readonly query: TextQuery;
  readonly filter: SearchFilter;
  /** At most so many matches. */
  readonly limit: number;
  readonly deadline: Deadline;
}

/**
 * Beliefs that match the text, best first: those that are what it says by rank; where they are fewer than the limit, those
 * with some of its words, by how many, then by rank. Equal ones by id. The same with and without the index.
 */
export async function textList(session: Session, asked: Asked): Promise<TextList> {
  const indexed = await hasTextIndex(session, asked.query.language);
  // Versions have no index, and a scan a word of them would be many.
  const byIndex = indexed && asked.filter.known_at === undefined;
  const settings = byIndex ? { enable_seqscan: 'off' } : {};
  const { deadline } = asked;
  const all = await withinTime(session, { deadline, settings }, () => ranked(session, asked, matchingAll(asked), null));
  if (all === null) return { matches: [], indexed, stopped: 'time' };
  const room = asked.limit - all.matches.length;
  if (room <= 0 || all.stopped !== null || asked.query.words.length === 1) return { ...all, indexed };
  const some = await withinTime(session, { deadline, settings }, () =>
    ranked(session, { ...asked, limit: room }, matchingSome(asked, byIndex), asked.query.all),
  );
  if (some === null) return { ...all, indexed, stopped: 'time' };
  return { matches: [...all.matches, ...some.matches], indexed, stopped: some.stopped };
}

/** SQL: rows (id, size, place): what matches the whole query, shortest first, one more than are ranked. */
function matchingAll({ query, filter }: Asked): RawBuilder<unknown> {
  return sql`
    SELECT id, size, row_number() OVER (ORDER BY size, id) > ${CANDIDATES_MAX} AS beyond FROM (
      SELECT b.id, ${SIZE} AS size FROM ${recordedBeliefs(filter)} AS b
      WHERE ${wordsOf('b.content', query.language)} @@ ${query.all}::tsquery AND ${passes(filter)}
      ORDER BY 2, 1 LIMIT ${CANDIDATES_MAX + 1}) AS matching`;
}

/**
 * SQL: the same of what has any of the words. Each word has its share, so that a rare one is not crowded out by a common
 * one. By index a look-up a word; without it one pass over the texts.
 */
function matchingSome({ query, filter }: Asked, byIndex: boolean): RawBuilder<unknown> {
  const share = Math.max(CANDIDATES_A_WORD_MIN, Math.floor(CANDIDATES_MAX / query.each.length));
  const words = sql`unnest(${[...query.each]}::text[]) AS w (word)`;
  const beliefs = recordedBeliefs(filter);
  const tokens = wordsOf('b.content', query.language);
  const matching = byIndex
    ? sql`
      SELECT w.word, of_word.id, of_word.size FROM ${words} CROSS JOIN LATERAL (
        SELECT b.id, ${SIZE} AS size FROM ${beliefs} AS b
        WHERE ${tokens} @@ w.word::tsquery AND ${passes(filter)}
        ORDER BY 2, 1 LIMIT ${share + 1}) AS of_word`
    : sql`
      SELECT w.word, texts.id, texts.size FROM (
        SELECT b.id, ${SIZE} AS size, ${tokens} AS tokens FROM ${beliefs} AS b
        WHERE ${tokens} @@ ${anyOf(query)}::tsquery AND ${passes(filter)} OFFSET 0) AS texts
      JOIN ${words} ON texts.tokens @@ w.word::tsquery`;
  return sql`
    SELECT id, min(size) AS size, bool_and(place > ${share}) AS beyond FROM (
      SELECT id, size, row_number() OVER (PARTITION BY word ORDER BY size, id) AS place FROM (${matching}) AS matching
    ) AS placed WHERE place <= ${share + 1} GROUP BY id`;
}

/** SQL: bytes of a text that are looked at, roughly; kept beside it, so that none is read for this. */
const SIZE: RawBuilder<number> = sql<number>`least(octet_length(b.content), ${sql.raw(String(4 * SEARCHED_CHARACTERS))})`;

function anyOf({ each }: TextQuery): string {
  return each.map((query) => `(${query})`).join(' | ');
}

interface RankedRow {
  readonly id: string;
  readonly score: number;
  readonly cut: boolean;
}

/** Ranks candidates. `except`: what was found before, by another query, whose matches are left out. */
async function ranked(
  session: Session,
  { query, filter, limit }: Asked,
  candidates: RawBuilder<unknown>,
  except: string | null,
): Promise<Pick<TextList, 'matches' | 'stopped'>> {
  const asked = except === null ? query.all : anyOf(query);
  const words = sql`(SELECT count(*) FROM unnest(${[...query.words]}::text[]) AS w (word) WHERE tokens @@ w.word::tsquery)`;
  const { rows } = await sql<RankedRow>`
    WITH found AS MATERIALIZED (${candidates}),
    sized AS (SELECT id, beyond, row_number() OVER sorted AS place, sum(size) OVER sorted AS bytes FROM found
      WINDOW sorted AS (ORDER BY beyond, size, id)),
    taken AS MATERIALIZED (
      SELECT id FROM sized WHERE NOT beyond AND (place = 1 OR bytes <= ${CANDIDATE_BYTES_MAX}::bigint)),
    texts AS (
      SELECT t.id, of_belief.tokens FROM taken t CROSS JOIN LATERAL (
        SELECT ${wordsOf('b.content', query.language)} AS tokens FROM ${recordedBeliefs(filter)} AS b
        WHERE b.id = t.id OFFSET 0) AS of_belief)
    SELECT id, ts_rank_cd(tokens, ${asked}::tsquery, 1) AS score,
           (SELECT count(*) FROM taken) < (SELECT count(*) FROM found) AS cut
    FROM texts WHERE ${except === null ? sql`true` : sql`NOT tokens @@ ${except}::tsquery`}
    ORDER BY ${except === null ? sql`` : sql`${words} DESC,`} score DESC, id LIMIT ${limit}`.execute(session.kysely);
  return {
    matches: rows.map(({ id, score }) => ({ id, score, all: except === null })),
    stopped: rows.some(({ cut }) => cut) ? 'candidates' : null,
  };
}
