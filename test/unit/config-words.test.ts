import { describe, expect, test } from 'vitest';
import { nearest, typingDistance } from '../../src/core/nearest.ts';
import { hasUrlPassword, redactUrl, stripUrlPassword } from '../../src/core/redact.ts';

describe('the nearest word', () => {
  const options = ['--home', '--database', '--json', '--yes', '--tier', '--backends', '--erasure'];

  test.for([
    ['--hmoe', '--home'],
    ['--databse', '--database'],
    ['--JSON', '--json'],
    ['--erasures', '--erasure'],
    ['--backend', '--backends'],
    ['--to', null],
    ['--frobnicate', null],
    ['', null],
  ] as const)('to %s is %s', ([word, expected]) => {
    expect(nearest(word, options)).toBe(expected);
  });

  test('is the first of several, and none of none', () => {
    expect(nearest('bat', ['cat', 'rat'])).toBe('cat');
    expect(nearest('bat', [])).toBe(null);
  });

  test.for([
    ['', '', 0],
    ['', 'abc', 3],
    ['abc', '', 3],
    ['kitten', 'sitting', 3],
    ['ab', 'ba', 1],
    ['ca', 'abc', 3],
    ['path', 'pth', 1],
  ] as const)('%s and %s are %i apart', ([a, b, distance]) => {
    expect(typingDistance(a, b)).toBe(distance);
  });
});

describe('a URL to be printed', () => {
  test.for([
    ['postgres://ada:hunter2@db:5432/notes', 'postgres://ada:***@db:5432/notes', 'postgres://ada@db:5432/notes'],
    ['postgres://ada:hun%40ter@ter2@db/notes', 'postgres://ada:***@db/notes', 'postgres://ada@db/notes'],
    ['postgres://db/x?password=hunter2&a=1', 'postgres://db/x?password=***&a=1', 'postgres://db/x?a=1'],
    ['postgres://db/x?sslPassword=hunter2', 'postgres://db/x?sslPassword=***', 'postgres://db/x'],
  ] as const)('%s', ([url, redacted, stripped]) => {
    expect(redactUrl(url)).toBe(redacted);
    expect(stripUrlPassword(url)).toBe(stripped);
    expect(hasUrlPassword(url)).toBe(true);
  });

  test.for([
    'postgres://ada@db/notes?sslmode=require',
    'postgres:///notes?host=/run/pg',
    'postgres://%2Frun%2Fpg/notes',
  ])('%s has nothing to hide', (url) => {
    expect(redactUrl(url)).toBe(url);
    expect(stripUrlPassword(url)).toBe(url);
    expect(hasUrlPassword(url)).toBe(false);
  });

  test.for(['host=db password=hunter2', 'postgres://ada:hunter2/x@db/notes', ''])('%s cannot be read', (url) => {
    expect(redactUrl(url)).toBe('(unreadable URL)');
    expect(stripUrlPassword(url)).toBe(null);
    expect(hasUrlPassword(url)).toBe(true);
  });
});
