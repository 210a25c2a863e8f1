/** Names that say nothing about what is in a file; the first four also as the last word of a longer one. */
const EMPTY_NAME = /^(?:.*-)?(?:utils?|helpers?|managers?|services?)$|^(?:common|types)$/;

/** Says which part of the path is a name without meaning, or `null`. `path` is relative to the root, with `/`. */
export function fileNameProblem(path: string): string | null {
  const segments = path.split('/').map((segment) => segment.split('.', 1)[0] ?? '');
  const empty = segments.find((segment) => EMPTY_NAME.test(segment));
  return empty === undefined ? null : `"${empty}" does not say what is in it: name the noun`;
}
