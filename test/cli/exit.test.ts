import { describe, expect, it } from 'vitest';
import { ValenceError } from '../../src/core/errors.ts';
import type { ErrorCode } from '../../src/core/errors.ts';
import { asValenceError, ERRORS, EXIT_NAMES, exitOfError, exitOfResult } from '../../src/cli/exit.ts';

/** The promise to scripts: what a code exits with never changes. */
const PROMISED: Readonly<Record<string, number>> = {
  'internal/invariant': 1,
  'usage/invalid': 2,
  'graph/not-found': 2,
  'key/passphrase': 10,
  'key/wrong-key': 11,
  'config/invalid': 20,
  'config/no-home': 20,
  'config/no-keys': 20,
  'config/home-exists': 20,
  'backend/unavailable': 30,
  'backend/denied': 31,
  'backend/locked': 32,
  'backend/not-found': 30,
  'backend/already-exists': 30,
  'backend/invalid-range': 30,
  'backend/full': 33,
  'backend/foreign-vault': 34,
  'backend/second-writer': 35,
  'home/locked': 35,
  'backend/archived': 36,
  'integrity/authentication-failed': 40,
  'integrity/too-few-shards': 41,
  'integrity/chain-broken': 42,
  'integrity/change-log': 43,
  'format/malformed': 45,
  'format/newer': 46,
  'database/unavailable': 50,
  'database/failed': 50,
  'graph/refused': 50,
  'database/read-only': 51,
  'database/target-not-empty': 52,
  'database/newer-schema': 57,
  'import/invalid': 60,
  'embedding/unavailable': 70,
  'embedding/refused': 71,
  'embedding/malformed': 72,
  cancelled: 130,
};

describe('exit statuses', () => {
  it('has the promised one for every code', () => {
    const actual = Object.fromEntries(Object.entries(ERRORS).map(([code, { exit }]) => [code, exit]));
    expect(actual).toEqual(PROMISED);
    for (const code of Object.keys(ERRORS) as ErrorCode[])
      expect(exitOfError(new ValenceError(code, 'x'))).toBe(PROMISED[code]);
  });

  it('has one for every result', () => {
    expect((['ok', 'degraded', 'lost', 'chain-broken'] as const).map(exitOfResult)).toEqual([0, 3, 41, 42]);
  });

  it('names every status, and no other', () => {
    const used = new Set([...Object.values(PROMISED), 0, 3]);
    expect([...EXIT_NAMES.keys()].sort((a, b) => a - b)).toEqual([...used].sort((a, b) => a - b));
  });
});

describe('what was thrown', () => {
  it('stays itself when it is ours', () => {
    const error = new ValenceError('backend/full', 'x');
    expect(asValenceError(error)).toBe(error);
  });

  it.for([
    [Object.assign(new Error('x'), { name: 'AbortError' }), 'cancelled'],
    [Object.assign(new Error('x'), { code: 'ENOSPC' }), 'backend/full'],
    [new TypeError('x is not a function'), 'internal/invariant'],
    ['a text', 'internal/invariant'],
  ] as const)('%s', ([thrown, code]) => {
    expect(asValenceError(thrown)).toMatchObject({ code, cause: thrown });
  });
});
