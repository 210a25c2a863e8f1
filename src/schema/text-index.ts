import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';
import { ValenceError, invariant } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';
import type { Database, Session } from './database.ts';
import { buildIndex } from './index-build.ts';
import type { BuildOutcome } from './index-build.ts';

// A language is a text search configuration of Postgres (its manual, chapter 12): what words are, which of them are left
// out, and how they are stemmed.

/** Names that need no quotes, and with which that of the index stays below the 63 bytes that Postgres keeps. */
const LANGUAGE = /^[a-z_][a-z0-9_]{0,47}$/;

/** Whether a text can be the name of a language, be there one or not. */
export function isLanguageName(text: string): boolean {
  return LANGUAGE.test(text);
}

/**
 * How much of a belief is searched. The words of a text may take 1 MiB (a limit of `tsvector`), and a longer one would make
 * the index refuse the belief. A character takes at most 8 bytes: one of four bytes in a word that is indexed by itself and
 * in the hyphenated one that it is a part of.
 */
export const SEARCHED_CHARACTERS = 100_000;

/**
 * Smaller tables have no index: reading them whole is as fast. Bytes of the table with its long texts; Postgres takes apart
 * some 10 MB of text a second.
 */
const SCANNED_BYTES_MAX = 1024 * 1024;

/** SQL: the words of a text, as the index has them. `column` and `language` are not from outside. */
export function wordsOf(column: string, language: string): RawBuilder<unknown> {
  return sql.raw(wordsText(column, language));
}

function wordsText(column: string, language: string): string {
  invariant(isLanguageName(language), 'the name of a language needs no quotes');
  return `to_tsvector('${language}'::regconfig, left(${column}, ${SEARCHED_CHARACTERS}))`;
}

/** One name a language, so that an index is found again, whoever built it. */
export function textIndexName(language: string): string {
  invariant(isLanguageName(language), 'the name of a language needs no quotes');
  return `beliefs_text_${language}`;
}

/** True when the index of this language is whole and covers as much of each text as this program searches. */
export async function hasTextIndex(session: Session, language: string): Promise<boolean> {
  const { rows } = await sql`
    SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid = 'valence.beliefs'::regclass AND i.indisvalid AND c.relname = ${textIndexName(language)}
      AND strpos(pg_get_indexdef(i.indexrelid), ${`, ${SEARCHED_CHARACTERS})`}) > 0`.execute(session.kysely);
  return rows.length > 0;
}

/** Whether there is enough text for an index, which is not there, or not whole. False for a language that is unknown here. */
export async function lacksTextIndex(session: Session, language: string): Promise<boolean> {
  if (await hasTextIndex(session, language)) return false;
  const { rows } = await sql<{ large: boolean }>`
    SELECT pg_table_size('valence.beliefs') > ${SCANNED_BYTES_MAX} AS large`.execute(session.kysely);
  return rows[0]?.large === true && (await languages(session)).includes(language);
}

/** Builds the index of one language, as `buildIndex` does, however few beliefs there are. */
export function buildTextIndex(database: Database, language: string): Promise<BuildOutcome> {
  return buildIndex(database, {
    name: textIndexName(language),
    definition: `valence.beliefs USING gin (${wordsText('content', language)})`,
    isBuilt: (session) => hasTextIndex(session, language),
  });
}

/** @throws `config/invalid` for a language that this database does not know */
export async function requireLanguage(session: Session, language: string): Promise<void> {
  const known = await languages(session);
  if (known.includes(language)) return;
  const near = nearest(language, known);
  throw new ValenceError('config/invalid', `the database has no text search configuration ${language}`, {
    hint: near === null ? `set search.language to one of: ${known.join(', ')}` : `did you mean ${near}?`,
    context: { language },
  });
}

/** By name. */
async function languages(session: Session): Promise<readonly string[]> {
  const { rows } = await sql<{ name: string }>`
    SELECT cfgname::text AS name FROM pg_catalog.pg_ts_config WHERE pg_catalog.pg_ts_config_is_visible(oid)
    ORDER BY cfgname COLLATE "C"`.execute(session.kysely);
  return rows.map(({ name }) => name);
}
