import { describe, expect, it } from 'vitest';
import { ValenceError } from '../../src/core/errors.ts';
import { databaseError } from '../../src/schema/database-error.ts';
import { embeddedError } from '../../src/schema/embedded-error.ts';

/** As Emscripten throws it: no `Error`. */
function errno(number: number): unknown {
  return { name: 'ErrnoError', errno: number };
}

describe('an error of the embedded database', () => {
  it.each([51, 19])('%i of its file system: no room, on the disk of the home', (number) => {
    const error = embeddedError(errno(number), 'the embedded database in /h');
    expect(error.code).toBe('backend/full');
    expect(error.message).toMatch(/^cannot write the embedded database in \/h: (no space left|the disk quota)/);
    expect(error.hint).toContain('free some space');
  });

  it.each([
    [2, 'permission denied'],
    [69, 'the file system is read-only'],
    [1234, 'error 1234 of its file system'],
  ])('%i of its file system: said in words', (number, reason) => {
    expect(embeddedError(errno(number), 'here')).toMatchObject({
      code: 'database/unavailable',
      message: `cannot use here: ${reason}`,
    });
  });

  it('that says the disk is full in SQL is the same', () => {
    const refused = Object.assign(new Error('could not extend file'), { severity: 'ERROR', code: '53100' });
    expect(embeddedError(refused, 'here')).toMatchObject({ code: 'backend/full', context: { sqlstate: '53100' } });
    // On a server it is another disk.
    expect(databaseError(refused, 'here').code).toBe('database/failed');
  });

  it('of ours passes unchanged', () => {
    const ours = new ValenceError('cancelled', 'cancelled');
    expect(embeddedError(ours, 'here')).toBe(ours);
  });

  it('of no known kind is told by what it says of itself', () => {
    expect(embeddedError({ name: 'ExitStatus', message: 'exit(1)' }, 'here').message).toBe('here failed: exit(1)');
    expect(embeddedError({ name: 'Strange' }, 'here').message).toBe('here failed: Strange');
    expect(embeddedError({}, 'here').message).toBe('here failed: an unknown error');
  });
});
