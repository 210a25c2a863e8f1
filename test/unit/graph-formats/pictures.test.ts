import { instance } from '@viz-js/viz';
import { describe, expect, it } from 'vitest';
import { dot } from '../../../src/graph/formats/dot.ts';
import { PICTURE_MAX, svg } from '../../../src/graph/formats/draw.ts';
import type { GraphPart } from '../../../src/graph/formats/graph-part.ts';
import { BELIEF_LOOKS, EDGE_LOOKS } from '../../../src/graph/formats/palette.ts';
import { shortened, visible, wrapped } from '../../../src/graph/formats/picture-text.ts';
import { rejection } from '../../support/expect-code.ts';
import { FakeTimer } from '../../support/fake-timer.ts';
import { belief, edge, HOSTILE, hostilePart, shuffled } from '../../support/graph-parts.ts';
import { beliefId } from '../../support/sample-knowledge.ts';
import { elementsOf, parseXml, textOf } from '../../support/strict-xml.ts';
import type { XmlElement } from '../../support/strict-xml.ts';

interface Laid {
  readonly objects: readonly Readonly<Record<string, string>>[];
  readonly edges: readonly Readonly<Record<string, string>>[];
}

/** As Graphviz reads it. */
async function read(part: GraphPart): Promise<Laid> {
  const text = (await instance()).renderString([...dot(part)].join('\n'), { format: 'json0' });
  return JSON.parse(text) as Laid;
}

function random(beliefs: number, edges: number): GraphPart {
  const next = (seed: number): number => (seed * 48_271) % 2_147_483_647;
  let seed = 7;
  const draw = (): number => (seed = next(seed)) % beliefs;
  return {
    beliefs: Array.from({ length: beliefs }, (_, index) =>
      belief(index, { content: `a statement of some length, number ${index}` }),
    ),
    edges: Array.from({ length: edges }, (_, index) => [index, draw(), draw()] as const)
      .filter(([, source, target]) => source !== target)
      .map(([index, source, target]) => edge(index, source, target)),
  };
}

/** What is seen, and what is told of what is pointed at, of each node or edge. */
function told(document: XmlElement, kind: 'node' | 'edge'): { seen: string; pointed: string }[] {
  return elementsOf(document, 'g')
    .filter(({ attributes }) => attributes.get('class')?.split(' ')[0] === kind)
    .map((group) => ({
      seen: elementsOf(group, 'text').map(textOf).join('|'),
      pointed: elementsOf(group, 'a')[0]?.attributes.get('xlink:title') ?? '',
    }));
}

/** Graphviz writes blanks as no-break spaces. */
function blanks(text: string): string {
  return text.replaceAll('\u00a0', ' ');
}

describe('DOT', () => {
  it('is read by Graphviz as the nodes and edges of the part, and nothing more', async () => {
    const part = hostilePart();
    const { objects, edges } = await read(part);
    expect(objects.map(({ name }) => name)).toEqual(part.beliefs.map(({ id }) => id));
    expect(edges).toHaveLength(part.edges.length);
    expect(objects[3]).toMatchObject({ penwidth: '3', class: 'belief archived' });
    expect(objects[2]).toMatchObject({ style: 'filled,rounded,dotted', class: 'belief superseded' });
    expect(edges[1]).toMatchObject({ style: 'dashed', dir: 'both', class: 'contradicts', penwidth: '3.00' });
    expect(edges[2]).toMatchObject({ style: 'dotted', class: 'supersedes', penwidth: '1.56' });
    expect(edges[0]).toMatchObject({ style: 'solid', class: 'supports', penwidth: '0.60' });
  });

  it('has boxes with room beside their text as Helvetica sets it', async () => {
    const { objects } = await read({ beliefs: [belief(1, { content: 'm'.repeat(30) })], edges: [] });
    // An m is 0.833 of the font's size wide (Adobe's metrics of Helvetica); Graphviz tells widths in inches of 72 points.
    const text = 30 * 0.833 * 11;
    const box = 72 * Number(objects[0]?.['width']);
    expect(box / text).toBeGreaterThan(1.1);
    expect(box / text).toBeLessThan(1.3);
  });

  it('depends on nothing but what the part holds', () => {
    expect([...dot(shuffled(hostilePart()))]).toEqual([...dot(hostilePart())]);
  });

  it('is laid out by levels where they can be seen, else by forces', () => {
    const layout = (part: GraphPart): string | undefined => /layout=(\w+)/.exec([...dot(part)].join('\n'))?.[1];
    const hub = (edges: number): GraphPart => ({
      beliefs: Array.from({ length: edges + 1 }, (_, index) => belief(index)),
      edges: Array.from({ length: edges }, (_, index) => edge(index, index + 1, 0)),
    });
    expect([layout(hub(24)), layout(hub(25))]).toEqual(['dot', 'sfdp']);
    expect([layout(random(150, 0)), layout(random(151, 0))]).toEqual(['dot', 'sfdp']);
    expect([layout(random(60, 90)), layout(random(140, 400))]).toEqual(['dot', 'sfdp']);
  });

  it('is cut for the eye: contents of 16 MiB take no more room than 2,000 characters', () => {
    const part = { beliefs: [belief(1, { content: '"\\&👩‍👩‍👧‍👦'.repeat(1_000_000) })], edges: [] };
    expect([...dot(part)].join('\n').length).toBeLessThan(50_000);
  });
});

describe('SVG', () => {
  it('shows and tells what hostile beliefs say, letter by letter, and nothing of it is markup', async () => {
    const part = hostilePart();
    const document = parseXml(await svg(part));
    expect(document.name).toBe('svg');
    const nodes = told(document, 'node');
    expect(nodes.map(({ pointed }) => pointed)).toEqual(
      part.beliefs.map(
        ({ id, confidence, status, content }) =>
          `${id}\nconfidence ${confidence}, ${status}\n${visible(content)
            .replace(/\r\n|\r/g, '\n')
            .replaceAll('\t', ' ')}`,
      ),
    );
    for (const [index, { seen }] of nodes.entries()) {
      const lines = blanks(seen).split('|').slice(0, -1);
      expect(lines).toEqual(wrapped(HOSTILE[index]!, { width: 30, lines: 3 }).filter((line) => line !== ''));
    }
    expect(told(document, 'edge').map(({ pointed }) => pointed)).toEqual(
      part.edges.map(({ id, edge_type: type, weight }) => `${type}, weight ${weight}\n${id}`),
    );
    for (const name of ['script', 'image', 'foreignObject', 'style']) expect(elementsOf(document, name)).toEqual([]);
    for (const link of elementsOf(document, 'a')) expect([...link.attributes.keys()]).toEqual(['xlink:title']);
  });

  it('has a legend of what is in it', async () => {
    const part = {
      beliefs: [belief(1), belief(2, { status: 'superseded' })],
      edges: [edge(1, 1, 2, { edge_type: 'supersedes' })],
    };
    const texts = elementsOf(parseXml(await svg(part)), 'text').map(textOf);
    for (const word of ['active', 'superseded', 'supersedes']) expect(texts).toContain(word);
    for (const word of ['archived', 'supports', 'contradicts']) expect(texts).not.toContain(word);
  });

  it.for([
    ['by levels', random(60, 90)],
    ['by forces', random(200, 700)],
    ['of one belief', random(1, 0)],
    ['of none', { beliefs: [], edges: [] }],
  ] as const)('is the same each time, %s', async ([, part]) => {
    const first = await svg(part);
    expect(await svg(part)).toBe(first);
    expect(told(parseXml(first), 'node')).toHaveLength(part.beliefs.length);
  });

  it('refuses what is too large to draw, and says how to draw less', async () => {
    const part = random(PICTURE_MAX.beliefs + 1, 0);
    await expect(svg(part)).rejects.toMatchObject({
      code: 'graph/refused',
      hint: expect.stringContaining('--max-beliefs') as unknown,
      context: { beliefs: PICTURE_MAX.beliefs + 1, max_beliefs: PICTURE_MAX.beliefs },
    });
  });

  it('gives up when its time is over, and when it is told to', async () => {
    const timer = new FakeTimer();
    const drawing = svg(random(100, 250), { timer });
    // Heard below.
    drawing.catch(() => {});
    await timer.advance(30_000);
    await rejection(drawing, 'graph/refused');
    const abort = new AbortController();
    const another = svg(random(100, 250), { signal: abort.signal });
    abort.abort();
    await expect(another).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('colours', () => {
  it('can be told from what they stand on', () => {
    for (const { colour } of Object.values(EDGE_LOOKS)) expect(contrast(colour, '#ffffff')).toBeGreaterThanOrEqual(3);
    for (const { fill, outline, text } of Object.values(BELIEF_LOOKS)) {
      expect(contrast(outline, '#ffffff')).toBeGreaterThanOrEqual(3);
      expect(contrast(text, fill)).toBeGreaterThanOrEqual(4.5);
    }
  });
});

/** WCAG 2.2. */
function contrast(one: string, other: string): number {
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

describe('texts in pictures', () => {
  it('are cut between what the eye takes for characters', () => {
    expect(shortened('👩‍👩‍👧‍👦'.repeat(5), 3)).toBe(`${'👩‍👩‍👧‍👦'.repeat(2)}…`);
    expect(shortened('e\u0301a', 2)).toBe('e\u0301a');
    expect(shortened('abc', 3)).toBe('abc');
  });

  it('are broken between words, and within those that are too long', () => {
    expect(wrapped('one two three four five', { width: 9, lines: 3 })).toEqual(['one two', 'three', 'four five']);
    expect(wrapped('incomprehensibilities', { width: 8, lines: 2 })).toEqual(['incompre', 'hensibi…']);
    expect(wrapped('a\n\n b\tc', { width: 8, lines: 2 })).toEqual(['a b c']);
    expect(wrapped('  ', { width: 8, lines: 2 })).toEqual(['']);
  });

  it('show what is not seen', () => {
    expect(visible('a\u001bb\u007f\u0085\u202e')).toBe('a␛b␡\ufffd\ufffd');
  });
});

it('beliefs of the fixture have ids in the order of their numbers', () => {
  expect(hostilePart().beliefs[3]?.id).toBe(beliefId(3));
});
