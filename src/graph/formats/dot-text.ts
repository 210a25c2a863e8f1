/** A name in quotation marks; of our own making, such as a UUID. */
export function dotName(name: string): string {
  return `"${name}"`;
}

/**
 * Lines of text as a quoted `escString` of the DOT language, which shows them as they are: a backslash would begin an escape
 * (`\N` is the name of the node) and `&` an entity.
 */
export function dotText(lines: readonly string[]): string {
  const escaped = lines.map((line) => line.replaceAll('\\', '\\\\').replaceAll('&', '&amp;').replaceAll('"', '\\"'));
  return `"${escaped.join('\\n')}"`;
}

/** The same for a tooltip, of which Graphviz takes escapes out twice. */
export function dotTooltip(lines: readonly string[]): string {
  return dotText(lines.map((line) => line.replaceAll('\\', '\\\\').replaceAll('\t', ' ')));
}

/** `[name=value, …]`; values must be quoted where need be. */
export function dotAttributes(attributes: Readonly<Record<string, string | number>>): string {
  const list = Object.entries(attributes).map(([name, value]) => `${name}=${value}`);
  return `[${list.join(', ')}]`;
}
