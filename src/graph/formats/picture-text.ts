/** Texts as they stand in pictures: cut, wrapped, and with nothing in them that turns the text around or is not seen. */

/** What a reader's eye takes for one character. */
const GRAPHEMES = new Intl.Segmenter('en', { granularity: 'grapheme' });
/** More code units than a grapheme of any script or family of emoji has, save for those made to be long. */
const UNITS_A_GRAPHEME = 16;

/** Control characters, and those that reorder the text around them. */
const UNSEEN =
  // eslint-disable-next-line no-control-regex -- control characters are what this is about
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]/g;

/** The picture of a control character (U+2400 block) for each, U+FFFD for what has none. */
export function visible(text: string): string {
  return text.toWellFormed().replace(UNSEEN, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : code === 0x7f ? '\u2421' : '\ufffd';
  });
}

/** At most `max` graphemes of it, the last one an ellipsis where it was longer. Costs no more for a longer text. */
export function shortened(text: string, max: number): string {
  const beginning = text.slice(0, max * UNITS_A_GRAPHEME);
  const graphemes = Array.from(GRAPHEMES.segment(beginning), ({ segment }) => segment);
  if (graphemes.length <= max && beginning.length === text.length) return text;
  return `${graphemes
    .slice(0, max - 1)
    .join('')
    .trimEnd()}…`;
}

export interface TextBlock {
  /** Graphemes of a line. */
  readonly width: number;
  readonly lines: number;
}

/** The beginning of a text on a few lines, broken between words where that can be. */
export function wrapped(text: string, { width, lines }: TextBlock): readonly string[] {
  const flat = visible(
    text
      .slice(0, width * lines * UNITS_A_GRAPHEME)
      .replace(/\s+/g, ' ')
      .trim(),
  );
  const left = Array.from(GRAPHEMES.segment(flat), ({ segment }) => segment);
  const block: string[] = [];
  while (left.length > 0 && block.length < lines - 1) {
    block.push(left.splice(0, lineEnd(left, width)).join('').trim());
    if (left[0] === ' ') left.shift();
  }
  const rest = left.join('');
  const more = text.length > width * lines * UNITS_A_GRAPHEME;
  if (rest !== '' || block.length === 0) block.push(shortened(more ? `${rest} …` : rest, width));
  return block;
}

/** How many graphemes the first line takes. */
function lineEnd(graphemes: readonly string[], width: number): number {
  if (graphemes.length <= width) return graphemes.length;
  const blank = graphemes.lastIndexOf(' ', width);
  return blank > 0 ? blank : width;
}
