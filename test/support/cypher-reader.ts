/** Reads the literals of Cypher as its implementations do, to see what they would make of ours. */

export type CypherRead = string | number | null | readonly CypherRead[] | { readonly [name: string]: CypherRead };

/** Neo4j replaces `\uXXXX` in the whole query first, passing over pairs of a backslash and any other character. */
export function neo4jReplaced(query: string): string {
  return query.replace(/\\(u+([0-9a-fA-F]{4})|[^u])/gs, (match, _, hex: string | undefined) =>
    hex === undefined ? match : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

export interface Tokens {
  /** The query with a `?` for each literal map. */
  readonly shape: string;
  readonly maps: readonly { readonly [name: string]: CypherRead }[];
}

/** Takes the maps out of a statement. @throws Error where a literal cannot be read */
export function readCypher(statement: string): Tokens {
  let [shape, at] = ['', 0];
  const maps: { readonly [name: string]: CypherRead }[] = [];
  while (at < statement.length) {
    if (statement[at] === '{') {
      const [map, after] = readMap(statement, at);
      maps.push(map);
      shape += '?';
      at = after;
    } else {
      shape += statement[at];
      at += 1;
    }
  }
  return { shape, maps };
}

function readMap(text: string, start: number): [{ readonly [name: string]: CypherRead }, number] {
  const map: Record<string, CypherRead> = {};
  let at = start;
  do {
    const name = /[{,] ?([a-z_]+): /y;
    name.lastIndex = at;
    const match = name.exec(text);
    if (match === null) throw new Error(`no name at ${at}`);
    [map[match[1]!], at] = readValue(text, name.lastIndex);
  } while (text[at] === ',');
  if (text[at] !== '}') throw new Error(`a map does not end at ${at}: ${text.slice(at, at + 30)}`);
  return [map, at + 1];
}

function readValue(text: string, start: number): [CypherRead, number] {
  if (text[start] === "'") return readString(text, start);
  if (text[start] === '[') return readList(text, start);
  const plain = /null|-?[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?/y;
  plain.lastIndex = start;
  const match = plain.exec(text);
  if (match === null) throw new Error(`no literal at ${start}: ${text.slice(start, start + 30)}`);
  return [match[0] === 'null' ? null : Number(match[0]), plain.lastIndex];
}

function readList(text: string, start: number): [readonly CypherRead[], number] {
  const list: CypherRead[] = [];
  let at = start + 1;
  while (text[at] !== ']') {
    if (list.length > 0) at += 2;
    const [value, after] = readValue(text, at);
    list.push(value);
    at = after;
  }
  return [list, at + 1];
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', "'": "'", '\\': '\\', '"': '"' };

function readString(text: string, start: number): [string, number] {
  let value = '';
  for (let at = start + 1; at < text.length; at += 1) {
    const character = text[at]!;
    if (character === "'") return [value, at + 1];
    if (character !== '\\') value += character;
    else if (text[at + 1] === 'u') {
      value += String.fromCharCode(Number.parseInt(text.slice(at + 2, at + 6), 16));
      at += 5;
    } else {
      const escape = ESCAPES[text[at + 1]!];
      if (escape === undefined) throw new Error(`an unknown escape at ${at}`);
      value += escape;
      at += 1;
    }
  }
  throw new Error('a string does not end');
}
