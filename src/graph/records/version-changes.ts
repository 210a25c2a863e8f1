import { isDeepStrictEqual } from 'node:util';
import type { JsonObject } from '../../schema/tables.ts';
import { textDifference } from './text-difference.ts';
import type { TextPiece } from './text-difference.ts';
import type { BeliefStatus } from './vocabulary.ts';

/** What a belief said in one of its versions. */
export interface Statement {
  readonly version: number;
  /** The first CONTENT_CHARACTERS of it. */
  readonly content: string;
  /** All of it, in characters. */
  readonly content_length: number;
  /** Of all of it. */
  readonly content_digest: string;
  readonly confidence: number;
  readonly status: BeliefStatus;
  readonly domains: readonly string[];
  readonly valid_from: string | null;
  readonly valid_until: string | null;
  readonly dimensions: JsonObject | null;
  readonly metadata: JsonObject;
  /** `dimensions` and `metadata` as they are stored, every digit of them. */
  readonly exact: { readonly dimensions: string | null; readonly metadata: string };
}

/** A longer content is compared as far as this. */
export const CONTENT_CHARACTERS = 65_536;

/** Before and after. Of a member of an object, the side on which it was not there is left out. */
export interface ValueChange {
  readonly before?: unknown;
  readonly after?: unknown;
}

export interface ContentChange {
  /** By words. The pieces that are not `added` give what was said before, those that are not `removed` what is said after. */
  readonly difference: readonly TextPiece[];
  /** `false`: the content is longer than what was compared, its first 65,536 characters. */
  readonly complete: boolean;
}

export interface DomainsChange {
  readonly before: readonly string[];
  readonly after: readonly string[];
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/** Those fields that differ. */
export interface FieldChanges {
  readonly content?: ContentChange;
  readonly confidence?: ValueChange;
  readonly status?: ValueChange;
  readonly domains?: DomainsChange;
  readonly valid_from?: ValueChange;
  readonly valid_until?: ValueChange;
  /** By their names. */
  readonly dimensions?: Readonly<Record<string, ValueChange>>;
  /** By key. */
  readonly metadata?: Readonly<Record<string, ValueChange>>;
}

/** What a version says that an earlier one did not, and the other way round. */
export function versionChanges(before: Statement, after: Statement): FieldChanges {
  return {
    ...(before.content_digest !== after.content_digest && { content: contentChange(before, after) }),
    ...scalarChange('confidence', before, after),
    ...scalarChange('status', before, after),
    ...(!isDeepStrictEqual(before.domains, after.domains) && { domains: domainsChange(before, after) }),
    ...scalarChange('valid_from', before, after),
    ...scalarChange('valid_until', before, after),
    ...objectChange('dimensions', before, after),
    ...objectChange('metadata', before, after),
  };
}

function contentChange(before: Statement, after: Statement): ContentChange {
  return {
    difference: textDifference(before.content, after.content),
    complete: Math.max(before.content_length, after.content_length) <= CONTENT_CHARACTERS,
  };
}

function scalarChange<K extends 'confidence' | 'status' | 'valid_from' | 'valid_until'>(
  name: K,
  before: Statement,
  after: Statement,
): Partial<Record<K, ValueChange>> {
  if (before[name] === after[name]) return {};
  return { [name]: { before: before[name], after: after[name] } } as Partial<Record<K, ValueChange>>;
}

function domainsChange({ domains: before }: Statement, { domains: after }: Statement): DomainsChange {
  const added = after.filter((name) => !before.includes(name));
  return { before, after, added, removed: before.filter((name) => !after.includes(name)) };
}

function objectChange(
  name: 'dimensions' | 'metadata',
  before: Statement,
  after: Statement,
): Partial<Record<'dimensions' | 'metadata', Readonly<Record<string, ValueChange>>>> {
  if (before.exact[name] === after.exact[name]) return {};
  const [old, fresh] = [new Map(Object.entries(before[name] ?? {})), new Map(Object.entries(after[name] ?? {}))];
  // Two numbers may differ beyond the digits that JavaScript keeps. Then all that both have is told.
  const visible = !isDeepStrictEqual(before[name], after[name]);
  const keys = [...new Set([...old.keys(), ...fresh.keys()])].filter(
    (key) => !visible || old.has(key) !== fresh.has(key) || !isDeepStrictEqual(old.get(key), fresh.get(key)),
  );
  const changes = keys.map((key): [string, ValueChange] => [
    key,
    { ...(old.has(key) && { before: old.get(key) }), ...(fresh.has(key) && { after: fresh.get(key) }) },
  ]);
  return { [name]: Object.fromEntries(changes) };
}
