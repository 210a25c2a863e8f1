/** A stretch of text that both have, that only the earlier has, or that only the later has. */
export interface TextPiece {
  readonly kind: 'same' | 'removed' | 'added';
  readonly text: string;
}

/** Words and lines that differ; with more the texts have little in common, and finding a least difference is quadratic in them. */
const EDITS_MAX = 1000;

/** A word, a run of blanks, or any other character; a character each of scripts that are written without blanks. */
const WORDS =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}]|[\p{L}\p{M}\p{N}_]+|\s+|./gsu;

/**
 * How one text became another, by words. The pieces that are not `added` give `before`, those that are not `removed` give
 * `after`. Fewest changed words (Myers 1986) where at most 1,000 differ, else all between the common beginning and the
 * common end is one change. Time and memory are linear in the texts.
 */
export function textDifference(before: string, after: string): readonly TextPiece[] {
  const [old, fresh] = [wordsOf(before), wordsOf(after)];
  let head = 0;
  while (head < old.length && head < fresh.length && old[head] === fresh[head]) head += 1;
  let tail = 0;
  const shorter = Math.min(old.length, fresh.length) - head;
  while (tail < shorter && old.at(-1 - tail) === fresh.at(-1 - tail)) tail += 1;
  const [oldMiddle, freshMiddle] = [old.slice(head, old.length - tail), fresh.slice(head, fresh.length - tail)];
  return readable([
    { kind: 'same', text: old.slice(0, head).join('') },
    ...(leastEdits(oldMiddle, freshMiddle) ?? wholesale(oldMiddle, freshMiddle)),
    { kind: 'same', text: old.slice(old.length - tail).join('') },
  ]);
}

function wordsOf(text: string): readonly string[] {
  return text.match(WORDS) ?? [];
}

function wholesale(old: readonly string[], fresh: readonly string[]): readonly TextPiece[] {
  return [
    { kind: 'removed', text: old.join('') },
    { kind: 'added', text: fresh.join('') },
  ];
}

/** Word by word; `null`: more than EDITS_MAX words would have to go or come. */
function leastEdits(old: readonly string[], fresh: readonly string[]): readonly TextPiece[] | null {
  // reach[k + edits]: how far along `old` one comes by that many edits, k more words of it used than of `fresh`.
  const rounds: Int32Array[] = [];
  let last = new Int32Array([0, 0, 0]);
  for (let edits = 0; edits <= EDITS_MAX; edits += 1) {
    const reach = new Int32Array(2 * edits + 3);
    for (let k = -edits; k <= edits; k += 2) {
      let x = edits === 0 ? 0 : isAddition(last, k, edits) ? last[k + 1 + edits]! : last[k - 1 + edits]! + 1;
      while (x < old.length && x - k < fresh.length && old[x] === fresh[x - k]) x += 1;
      reach[k + edits + 1] = x;
      if (x >= old.length && x - k >= fresh.length) return trace(rounds, edits, old, fresh);
    }
    rounds.push(reach);
    last = reach;
  }
  return null;
}

/** Whether diagonal `k` is best come to by a word of the later text. `last`: of one edit less, diagonal j at j + edits. */
function isAddition(last: Int32Array, k: number, edits: number): boolean {
  return k === -edits || (k !== edits && last[k - 1 + edits]! < last[k + 1 + edits]!);
}

/** Back from the ends of both texts, a round at a time. */
function trace(
  rounds: readonly Int32Array[],
  edits: number,
  old: readonly string[],
  fresh: readonly string[],
): readonly TextPiece[] {
  const pieces: TextPiece[] = [];
  let [x, y] = [old.length, fresh.length];
  for (let left = edits; left > 0; left -= 1) {
    const last = rounds[left - 1]!;
    const added = isAddition(last, x - y, left);
    const k = added ? x - y + 1 : x - y - 1;
    const from = last[k + left]!;
    const kept = added ? from : from + 1;
    if (x > kept) pieces.push({ kind: 'same', text: old.slice(kept, x).join('') });
    [x, y] = [from, from - k];
    pieces.push(added ? { kind: 'added', text: fresh[y]! } : { kind: 'removed', text: old[x]! });
  }
  pieces.push({ kind: 'same', text: old.slice(0, x).join('') });
  return pieces.reverse();
}

/** Neighbours of a kind as one, what went before what came, and blanks between two changes as part of them. */
function readable(pieces: readonly TextPiece[]): readonly TextPiece[] {
  const joined: TextPiece[] = [];
  let [removed, added] = ['', ''];
  const close = (): void => {
    if (removed !== '') joined.push({ kind: 'removed', text: removed });
    if (added !== '') joined.push({ kind: 'added', text: added });
    [removed, added] = ['', ''];
  };
  const said = pieces.filter(({ text }) => text !== '');
  for (const [index, { kind, text }] of said.entries()) {
    const inside = removed + added !== '' && index < said.length - 1 && text.trim() === '';
    if (kind !== 'added' && (kind === 'removed' || inside)) removed += text;
    if (kind !== 'removed' && (kind === 'added' || inside)) added += text;
    if (kind !== 'same' || inside) continue;
    close();
    const before = joined.at(-1);
    if (before?.kind === 'same') joined[joined.length - 1] = { kind, text: before.text + text };
    else joined.push({ kind, text });
  }
  close();
  return joined;
}
