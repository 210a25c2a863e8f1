import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { formatBytes, formatCount, plural, table } from '../../src/cli/figures.ts';
import { oneLine, printable } from '../../src/cli/printable.ts';
import { ProgressLine } from '../../src/cli/progress-line.ts';
import { Capture } from './run-cli.ts';

function progressOn(isTTY: boolean): {
  readonly line: ProgressLine;
  readonly stderr: Capture;
  readonly pass: (ms: number) => void;
} {
  const stderr = new Capture();
  let now = 0;
  const io = {
    stdin: Readable.from([]),
    stdout: new Capture(),
    stderr: Object.assign(stderr, { isTTY, columns: 40 }),
    env: {},
    signal: new AbortController().signal,
  };
  return { line: new ProgressLine(io, { now: () => now }), stderr, pass: (ms) => (now += ms) };
}

describe('progress', () => {
  it('is silent in a pipe', () => {
    const { line, stderr } = progressOn(false);
    line.sink({ stage: 'reading' });
    line.clear();
    expect(stderr.text).toBe('');
  });

  it('is one line on a terminal, drawn at most ten times a second and for every new stage', () => {
    const { line, stderr, pass } = progressOn(true);
    line.sink({ stage: 'reading', done: 0, total: 2048, unit: 'bytes' });
    line.sink({ stage: 'reading', done: 512, total: 2048, unit: 'bytes' });
    pass(100);
    line.sink({ stage: 'reading', done: 1024, total: 2048, unit: 'bytes' });
    line.sink({ stage: 'storing', done: 1000 });
    line.clear();
    line.clear();
    expect(stderr.text.split('\r\u001b[2K')).toEqual([
      '',
      'reading … 0 B of 2.0 KiB (0 %)',
      'reading … 1.0 KiB of 2.0 KiB (50 %)',
      'storing … 1,000',
      '',
    ]);
  });
});

describe('text for people', () => {
  it('shows control characters and directions instead of sending them', () => {
    expect(printable('a\tb\nc\u001b[31m\u0000\u009b\u202e')).toBe('a\tb\nc\\u001b[31m\\u0000\\u009b\\u202e');
    expect(oneLine('  a \n b\u0007  ', 20)).toBe('a b\\u0007');
    expect(oneLine('𝒶𝒷𝒸𝒹', 3)).toBe('𝒶𝒷…');
  });

  it('has figures as people read them', () => {
    expect([0, 1023, 1024, 10 * 1024, 5 * 1024 ** 4].map(formatBytes)).toEqual([
      '0 B',
      '1023 B',
      '1.0 KiB',
      '10 KiB',
      '5.0 TiB',
    ]);
    expect([formatCount(1234567), plural(1, 'belief'), plural(2, 'copy', 'copies')]).toEqual([
      '1,234,567',
      '1 belief',
      '2 copies',
    ]);
    expect(
      table([
        ['A', 'LONG'],
        ['long', 'b'],
      ]),
    ).toBe('A     LONG\nlong  b');
  });
});
