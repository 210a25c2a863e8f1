import { expect } from 'vitest';
import type { ErrorCode, ValenceError } from '../../src/core/errors.ts';
import { isValenceError } from '../../src/core/errors.ts';

/** The error a promise rejects with, which must be ours and of this code. */
export async function rejection(promise: Promise<unknown>, code: ErrorCode): Promise<ValenceError> {
  const error: unknown = await promise.then(
    () => new Error(`resolved, where ${code} was expected`),
    (reason: unknown) => reason,
  );
  if (!isValenceError(error)) throw error;
  expect(error.code).toBe(code);
  return error;
}

/** That a statement is refused with this SQLSTATE. */
export async function expectRefused(promise: Promise<unknown>, sqlstate: string): Promise<void> {
  const error = await rejection(promise, 'database/failed');
  expect(error.context['sqlstate']).toBe(sqlstate);
}
