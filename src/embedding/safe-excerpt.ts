/** Longest part of what an endpoint says that is repeated. */
const CHARACTERS_MAX = 200;
/** A hostile one may say megabytes. */
const CHARACTERS_READ_MAX = 2000;
/** What looks like a key, also where a part of it is starred out: long, or begun as services begin theirs. */
const LOOKS_SECRET = /\b(?:sk|pk|hf|key)[-_][\w*.-]{4,}|(?=[\w+/=*-]*[A-Z])(?=[\w+/=*-]*[0-9])[\w+/=*-]{32,}/g;

/** What somebody else says, fit for a message: one line, short, without control characters, and without the key. */
export function safeExcerpt(text: string, key: string | null): string {
  const read = key === null || key === '' ? text : text.replaceAll(key, '***');
  const line = read
    .slice(0, CHARACTERS_READ_MAX)
    .replace(LOOKS_SECRET, '***')
    .replace(/[\p{C}\p{Z}]+/gu, ' ')
    .trim();
  return line.length <= CHARACTERS_MAX ? line : `${line.slice(0, CHARACTERS_MAX - 1).toWellFormed()}…`;
}
