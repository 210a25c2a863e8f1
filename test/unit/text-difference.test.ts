import { expect, test } from 'vitest';
import fc from 'fast-check';
import { textDifference } from '../../src/graph/records/text-difference.ts';

/** As `wdiff` writes it. */
function written(before: string, after: string): string {
  const marks = { same: ['', ''], removed: ['[-', '-]'], added: ['{+', '+}'] } as const;
  return textDifference(before, after)
    .map(({ kind, text }) => `${marks[kind][0]}${text}${marks[kind][1]}`)
    .join('');
}

function check(before: string, after: string): void {
  const pieces = textDifference(before, after);
  const without = (kind: string): string =>
    pieces
      .filter((piece) => piece.kind !== kind)
      .map(({ text }) => text)
      .join('');
  expect(without('added')).toBe(before);
  expect(without('removed')).toBe(after);
  expect(pieces.every(({ text }) => text !== '')).toBe(true);
  expect(pieces.every(({ kind }, index) => kind !== pieces[index - 1]?.kind)).toBe(true);
}

test('tells words that changed', () => {
  expect(written('water boils at 100 °C', 'water boils at 99.97 °C')).toBe('water boils at [-100-]{+99.97+} °C');
  expect(written('a b c d', 'a x y d')).toBe('a [-b c-]{+x y+} d');
  expect(written('one two', 'one two three')).toBe('one two{+ three+}');
  expect(written('水は氷になる', '水は蒸気になる')).toBe('水は[-氷-]{+蒸気+}になる');
  expect(written('same', 'same')).toBe('same');
  expect(written('', 'new')).toBe('{+new+}');
  expect(written('old', '')).toBe('[-old-]');
  expect(written('', '')).toBe('');
  expect(written('first\nsecond\nthird', 'first\nthird')).toBe('first\n[-second\n-]third');
});

test('the pieces give both texts', () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c', ' ', '  ', '\n', '.', '氷', '🧊', 'ä'), { maxLength: 30 });
  fc.assert(
    fc.property(text, text, (before, after) => check(before.join(''), after.join(''))),
    { numRuns: 2000 },
  );
  fc.assert(fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), check), { numRuns: 500 });
});

test('no more words change than must', () => {
  const word = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 12 });
  fc.assert(
    fc.property(word, word, (before, after) => {
      // Single characters that are no words stand alone, and no blanks are between them.
      const text = (letters: readonly string[]): string =>
        letters.map((letter) => '.,;'['abc'.indexOf(letter)]).join('');
      const changed = textDifference(text(before), text(after)).filter(({ kind }) => kind !== 'same');
      const edits = changed.reduce((sum, piece) => sum + piece.text.length, 0);
      expect(edits).toBe(before.length + after.length - 2 * longestCommon(before, after));
    }),
    { numRuns: 1000 },
  );
});

test('texts with little in common, and long ones, are one change between a common beginning and end', () => {
  const words = (letter: string): string => Array.from({ length: 1500 }, (_, index) => `${letter}${index}`).join(' ');
  const [before, after] = [`begin ${words('a')} end`, `begin ${words('b')} end`];
  check(before, after);
  expect(textDifference(before, after).map(({ kind }) => kind)).toEqual(['same', 'removed', 'added', 'same']);
  const long = 'word '.repeat(200_000);
  expect(written(`${long}x`, `${long}y`).slice(-12)).toBe('d [-x-]{+y+}');
});

/** By the textbook's table. */
function longestCommon(a: readonly string[], b: readonly string[]): number {
  let row = Array.from({ length: b.length + 1 }, () => 0);
  for (const letter of a) {
    const next = [0];
    for (const [index, other] of b.entries()) {
      next.push(letter === other ? row[index]! + 1 : Math.max(row[index + 1]!, next[index]!));
    }
    row = next;
  }
  return row[b.length]!;
}
