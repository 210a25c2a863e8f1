import type { TierProfile } from '../app/backup-calls.ts';
import type { JsonObject, SourceKey } from '../app/knowledge-calls.ts';
import { isUuid } from '../core/ids.ts';

/** What the words of a command line are turned into. Each throws an `Error` whose message says what is allowed. */

export function text(input: string): string {
  if (input === '') throw new Error('must not be empty');
  return input;
}

/** Lower case. */
export function uuid(input: string): string {
  if (!isUuid(input)) throw new Error(`"${input}" is not an id: 8-4-4-4-12 hexadecimal digits`);
  return input.toLowerCase();
}

/** The same as a part of a list, in which blanks may stand after commas. */
export function listedUuid(input: string): string {
  return uuid(input.trim());
}

/** An id, or at least four characters of its beginning; lower case. */
export function idBeginning(input: string): string {
  if (/^[0-9a-f]{1,3}$/i.test(input)) throw new Error(`"${input}" is too short: at least four characters of an id`);
  if (!/^[0-9a-f-]{4,36}$/i.test(input)) throw new Error(`"${input}" is not an id, nor the beginning of one`);
  return input.toLowerCase();
}

/** A number from 0 to 1. */
export function fraction(input: string): number {
  const value = input.trim() === '' ? NaN : Number(input);
  if (!(value >= 0 && value <= 1)) throw new Error(`"${input}" is not a number from 0 to 1`);
  return value;
}

export function count(input: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(input)) throw new Error(`"${input}" is not a whole number from 1`);
  return Number(input);
}

/** A whole number from 1 to `most`. */
export function countTo(most: number): (input: string) => number {
  return (input) => {
    const value = count(input);
    if (value > most) throw new Error(`"${input}" is above ${most}`);
    return value;
  };
}

export function wholeNumber(input: string): number {
  if (!/^[0-9]{1,9}$/.test(input)) throw new Error(`"${input}" is not a whole number from 0`);
  return Number(input);
}

/** A time span above 0, at most a day; parts of a second too. */
export function seconds(input: string): number {
  const value = /^[0-9]+(\.[0-9]+)?$/.test(input) ? Number(input) : NaN;
  if (!(value > 0 && value <= 86_400)) throw new Error(`"${input}" is not a number of seconds above 0, at most 86400`);
  return value;
}

/** Failure domains that may be lost. */
export function losses(input: string): number {
  if (!/^[0-9]{1,3}$/.test(input)) throw new Error(`"${input}" is not a whole number from 0`);
  return Number(input);
}

/** `3/5`: any 3 of 5 shards are enough. */
export function erasure(input: string): TierProfile {
  const match = /^([1-9][0-9]{0,2})\/([1-9][0-9]{0,2})$/.exec(input);
  const [k, n] = [Number(match?.[1]), Number(match?.[2])];
  if (match === null || k > n || n > 255) {
    throw new Error(`"${input}" is not a profile such as 3/5: shards needed / shards stored, at most 255`);
  }
  return { kind: 'erasure', k, n };
}

/** Plain copies: any one of them is enough. */
export function copies(input: string): TierProfile {
  const number = count(input);
  if (number > 255) throw new Error('at most 255 copies');
  return { kind: 'copies', count: number };
}

/** `a,b,c` */
export function names(input: string): readonly string[] {
  const list = input.split(',').map((name) => name.trim());
  if (list.includes('')) throw new Error(`"${input}" has an empty name in it`);
  const twice = list.find((name, index) => list.indexOf(name) < index);
  if (twice !== undefined) throw new Error(`"${twice}" is named twice`);
  return list;
}

/** A JSON object. */
export function jsonObject(input: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(input);
  } catch {
    throw new Error('is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('is not a JSON object');
  return value as JsonObject;
}

/** `TYPE:ID`, the id being whatever follows the first colon. */
export function sourceKey(input: string): SourceKey {
  const colon = input.indexOf(':');
  if (colon <= 0 || colon === input.length - 1)
    throw new Error(`"${input}" is not TYPE:ID, e.g. web:https://example.org`);
  return { source_type: input.slice(0, colon), source_id: input.slice(colon + 1) };
}

/** `TYPE` or `TYPE:ID`, the id being whatever follows the first colon. */
export function provenance(input: string): { readonly source_type: string; readonly source_id?: string } {
  if (input !== '' && !input.includes(':')) return { source_type: input };
  return sourceKey(input);
}

/** A number above 0. */
export function positive(input: string): number {
  const value = input.trim() === '' ? NaN : Number(input);
  if (!(value > 0 && value < Infinity)) throw new Error(`"${input}" is not a number above 0`);
  return value;
}
