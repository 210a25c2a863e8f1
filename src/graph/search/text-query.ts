import { sql } from 'kysely';
import { ValenceError } from '../../core/errors.ts';
import { sqlstateOf } from '../../schema/database-error.ts';
import type { Session } from '../../schema/database.ts';

/** What a text asks for, as `tsquery`s in their text form. */
export interface TextQuery {
  readonly language: string;
  /** As it was meant: all words, phrases in order, without what is excluded; nothing twice. */
  readonly all: string;
  /** The words that speak for a belief, stemmed, as they stand in a `tsquery`; at least one. */
  readonly words: readonly string[];
  /** One of `words`, without what is excluded; in the order of `words`, at most `WORDS_TRIED_MAX`. */
  readonly each: readonly string[];
}

/** A longer text is no question; texts to compare with as a whole are for vectors. */
export const TEXT_CHARACTERS_MAX = 10_000;

/**
 * Words that are looked for one by one where not all occur together. The longest are taken, which are rarer and say more.
 */
export const WORDS_TRIED_MAX = 32;

/** A word longer than 2,046 bytes, or more of them than a `tsquery` holds; XX000 where signs are stacked too high. */
const PROGRAM_LIMIT = /^(54...|XX000)$/;

/** @throws `graph/refused` for a text that is too long */
export function checkText(text: string): void {
  if (text.length <= TEXT_CHARACTERS_MAX) return;
  const limit = TEXT_CHARACTERS_MAX.toLocaleString('en-US');
  throw new ValenceError('graph/refused', `a search is at most ${limit} characters long`, {
    hint: 'search for fewer words; to find what is like a whole text, give its vector',
    context: { characters: text.length },
  });
}

/**
 * Reads what people write in web searches: words, "phrases", `or`, and `-` before what is to be left out; anything else
 * is no syntax. `null`: there is nothing to look for, only stop words, punctuation or exclusions.
 * @throws `graph/refused` for a word that no text can have
 */
export async function readTextQuery(session: Session, language: string, text: string): Promise<TextQuery | null> {
  // Several hyphens are a dash, and no repeated negation.
  const clean = text.toWellFormed().replace(/\0|-{2,}/g, ' ');
  try {
    const { rows } = await sql<{ query: string }>`
      SELECT websearch_to_tsquery(${language}::regconfig, ${clean})::text AS query`.execute(session.kysely);
    return splitQuery(language, rows[0]?.query ?? '');
  } catch (error) {
    if (!PROGRAM_LIMIT.test(sqlstateOf(error) ?? '')) throw error;
    throw new ValenceError('graph/refused', 'a word of the search is too long, or it has too many', {
      hint: 'search for fewer and shorter words',
      cause: error,
    });
  }
}

/** Takes the text form of a `tsquery` apart. */
export function splitQuery(language: string, query: string): TextQuery | null {
  const words = new Set<string>();
  const excluded: string[] = [];
  const tokens = tokensOf(query);
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at]!;
    if (token === '!') {
      const end = operandEnd(tokens, at);
      excluded.push(tokens.slice(at, end).join(' '));
      at = end - 1;
    } else if (token.startsWith("'")) words.add(token);
  }
  if (words.size === 0) return null;
  const tried = longest([...words]);
  const distinct = withoutRepeats(tokens);
  const all = distinct.length === tokens.length ? query : distinct.join(' ');
  return { language, all, words: [...words], each: tried.map((word) => [word, ...excluded].join(' & ')) };
}

/** Lexemes between quotes, in which quotes and backslashes are doubled; operators; parentheses. */
function tokensOf(query: string): readonly string[] {
  return query.match(/'(?:[^']|'')*'|<[-\d]+>|[&|!()]/g) ?? [];
}

/**
 * Says the same with each term once in an alternative, and each alternative once: to rank by a word that is asked for a
 * thousand times takes seconds a text, and the embedded engine cannot be stopped there.
 */
function withoutRepeats(tokens: readonly string[]): readonly string[] {
  const alternatives = splitAt('|', tokens).map((terms) => distinctOf('&', splitAt('&', terms)));
  return distinctOf('|', alternatives);
}

/** The parts between operators outside of parentheses. */
function splitAt(operator: string, tokens: readonly string[]): readonly (readonly string[])[] {
  const parts: string[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    if (token === '(') depth += 1;
    if (token === ')') depth -= 1;
    if (token === operator && depth === 0) parts.push([]);
    else parts.at(-1)!.push(token);
  }
  return parts;
}

function distinctOf(operator: string, parts: readonly (readonly string[])[]): readonly string[] {
  const distinct = new Map(parts.map((part) => [part.join(' '), part]));
  return [...distinct.values()].flatMap((part, index) => (index === 0 ? part : [operator, ...part]));
}

/** Where what is excluded by the `!` at `start` ends. */
function operandEnd(tokens: readonly string[], start: number): number {
  let depth = 0;
  let at = start;
  do {
    at += 1;
    if (tokens[at] === '(') depth += 1;
    else if (tokens[at] === ')') depth -= 1;
  } while (at < tokens.length && (depth > 0 || tokens[at] === '!'));
  return Math.min(at + 1, tokens.length);
}

function longest(words: readonly string[]): readonly string[] {
  if (words.length <= WORDS_TRIED_MAX) return words;
  const ranked = words.toSorted((a, b) => b.length - a.length || (a < b ? -1 : 1));
  const kept = new Set(ranked.slice(0, WORDS_TRIED_MAX));
  return words.filter((word) => kept.has(word));
}
