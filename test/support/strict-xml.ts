/** A small XML 1.0 parser without namespaces, document types and processing instructions, that refuses all else that is not well-formed. */

export interface XmlElement {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly (XmlElement | string)[];
}

/** @throws Error at the first thing that is not well-formed, with its position */
export function parseXml(document: string): XmlElement {
  const reader = new Reader(document);
  reader.take(/<\?xml version="1\.0" encoding="UTF-8"\?>/y);
  reader.misc();
  const root = reader.element();
  reader.misc();
  reader.end();
  return root;
}

/** Every element of the name, in document order. */
export function elementsOf(root: XmlElement, name: string): readonly XmlElement[] {
  const own = root.name === name ? [root] : [];
  return [...own, ...root.children.flatMap((child) => (typeof child === 'string' ? [] : elementsOf(child, name)))];
}

export function textOf(element: XmlElement): string {
  return element.children.map((child) => (typeof child === 'string' ? child : textOf(child))).join('');
}

const NAME = '[A-Za-z_:][A-Za-z0-9_:.-]*';
const PREDEFINED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(document: string) {
    for (const character of document)
      if (!isCharacter(character.codePointAt(0)!)) throw new Error('not an XML character');
    this.#text = document.replaceAll('\r\n', '\n').replaceAll('\r', '\n');
  }

  end(): void {
    if (this.#at !== this.#text.length) this.#fail('text after the root');
  }

  misc(): void {
    while (this.try(/\s+/y) !== null || this.#comment());
  }

  element(): XmlElement {
    const name = this.take(new RegExp(`<(${NAME})`, 'y'))[1]!;
    const attributes = new Map<string, string>();
    for (;;) {
      const attribute = this.try(new RegExp(`\\s+(${NAME})\\s*=\\s*("[^<"]*"|'[^<']*')`, 'y'));
      if (attribute === null) break;
      if (attributes.has(attribute[1]!)) this.#fail('an attribute twice');
      attributes.set(attribute[1]!, this.#decoded(attribute[2]!.slice(1, -1).replace(/[\t\n]/g, ' ')));
    }
    if (this.take(/\s*(\/?)>/y)[1] === '/') return { name, attributes, children: [] };
    const children = this.#content();
    this.take(new RegExp(`</${name}\\s*>`, 'y'));
    return { name, attributes, children };
  }

  take(pattern: RegExp): RegExpExecArray {
    return this.try(pattern) ?? this.#fail(`expected ${pattern.source}`);
  }

  try(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match !== null) this.#at = pattern.lastIndex;
    return match;
  }

  #content(): (XmlElement | string)[] {
    const children: (XmlElement | string)[] = [];
    for (;;) {
      const text = this.try(/[^<]+/y);
      if (text !== null) {
        if (text[0].includes(']]>')) this.#fail(']]> in text');
        children.push(this.#decoded(text[0]));
      } else if (!this.#comment()) {
        if (this.#text.startsWith('</', this.#at)) return children;
        children.push(this.element());
      }
    }
  }

  #comment(): boolean {
    const comment = this.try(/<!--([\s\S]*?)-->/y);
    if (comment !== null && (comment[1]!.includes('--') || comment[1]!.endsWith('-'))) this.#fail('-- in a comment');
    return comment !== null;
  }

  #decoded(text: string): string {
    return text.replace(/&([^;]*;?)/g, (_, entity: string) => {
      const number = /^#(?:x([0-9a-fA-F]+)|([0-9]+));$/.exec(entity);
      if (number === null) return PREDEFINED[entity.slice(0, -1)] ?? this.#fail(`entity &${entity}`);
      const code = number[1] === undefined ? Number(number[2]) : Number.parseInt(number[1], 16);
      return isCharacter(code) ? String.fromCodePoint(code) : this.#fail('a reference to no XML character');
    });
  }

  #fail(what: string): never {
    throw new Error(`not well-formed at ${this.#at}: ${what}: ${this.#text.slice(this.#at, this.#at + 40)}`);
  }
}

/** XML 1.0 §2.2. */
function isCharacter(code: number): boolean {
  if (code < 0x20) return code === 0x9 || code === 0xa || code === 0xd;
  return code <= 0xd7ff || (code >= 0xe000 && code <= 0xfffd) || (code >= 0x10000 && code <= 0x10ffff);
}
