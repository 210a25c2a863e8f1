import { invariant } from '../core/errors.ts';
import type { ObjectName } from './backend.ts';

const SEGMENT = /^[a-z0-9][a-z0-9._-]{0,127}$/;
const NAME_CHARACTERS_MAX = 512;

/** The rule of backend.ts: segments `[a-z0-9][a-z0-9._-]*` of at most 128 characters, at most 512 in all. */
export function isObjectName(name: string): name is ObjectName {
  return name.length <= NAME_CHARACTERS_MAX && name.split('/').every((segment) => SEGMENT.test(segment));
}

/** Every backend calls it first. @throws `internal/invariant` */
export function checkObjectName(name: string): asserts name is ObjectName {
  invariant(isObjectName(name), `not an object name: ${JSON.stringify(name.slice(0, 80))}`);
}

/** A prefix of `list`: empty, or an object name followed by `/`. @throws `internal/invariant` */
export function checkPrefix(prefix: string): void {
  const allowed = prefix === '' || (prefix.endsWith('/') && isObjectName(prefix.slice(0, -1)));
  invariant(allowed, `not a prefix of object names: ${JSON.stringify(prefix.slice(0, 80))}`);
}
