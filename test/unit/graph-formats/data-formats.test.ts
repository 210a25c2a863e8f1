import { describe, expect, it } from 'vitest';
import { cypher } from '../../../src/graph/formats/cypher.ts';
import type { GraphPart } from '../../../src/graph/formats/graph-part.ts';
import { graphml } from '../../../src/graph/formats/graphml.ts';
import { nodeLinkJson } from '../../../src/graph/formats/node-link.ts';
import { neo4jReplaced, readCypher } from '../../support/cypher-reader.ts';
import { belief, edge, HOSTILE, hostilePart, shuffled } from '../../support/graph-parts.ts';
import { beliefId } from '../../support/sample-knowledge.ts';
import { elementsOf, parseXml, textOf } from '../../support/strict-xml.ts';
import type { XmlElement } from '../../support/strict-xml.ts';

const LONG = 'x"\'\\<&\n'.repeat(300_000);
const FORMATS = { nodeLinkJson, graphml, cypher };

function whole(format: (part: GraphPart) => Iterable<string>, part: GraphPart): string {
  return [...format(part)].join('\n');
}

describe('formats that hold data', () => {
  it.for(Object.entries(FORMATS))('%s depends on nothing but what the part holds', ([, format]) => {
    expect(whole(format, shuffled(hostilePart()))).toBe(whole(format, hostilePart()));
  });

  it.for(Object.entries(FORMATS))('%s has no line feed within a line, and writes an empty part', ([, format]) => {
    for (const line of format(hostilePart())) expect(line).not.toMatch(/[\n\r]/);
    expect([...format({ beliefs: [], edges: [] })].length).toBeGreaterThan(0);
  });

  it.for(Object.entries(FORMATS))('%s refuses an edge without its end, which no reader could place', ([, format]) => {
    expect(() => whole(format, { beliefs: [belief(1)], edges: [edge(1, 1, 2)] })).toThrow(/an end of the edge/);
  });

  it('keeps long contents whole', () => {
    const part = { beliefs: [belief(1, { content: LONG })], edges: [] };
    const json = JSON.parse(whole(nodeLinkJson, part)) as { nodes: { content: string }[] };
    expect(json.nodes[0]?.content === LONG).toBe(true);
    expect(dataOf(parseXml(whole(graphml, part)), 'node')[0]?.get('node_content') === LONG).toBe(true);
    const [, statement] = cypher(part);
    expect(readCypher(statement!).maps[1]?.['content'] === LONG).toBe(true);
  });
});

describe('node-link JSON', () => {
  it('has the records themselves, and ends of links that are ids of nodes', () => {
    const part = hostilePart();
    expect(JSON.parse(whole(nodeLinkJson, part))).toEqual({
      type: 'graph',
      directed: true,
      multigraph: true,
      graph: { seeds: [beliefId(3)] },
      nodes: part.beliefs,
      links: part.edges,
    });
  });
});

/** What each node or edge says, by key. */
function dataOf(document: XmlElement, name: string): readonly ReadonlyMap<string, string>[] {
  return elementsOf(document, name).map(
    (element) =>
      new Map([
        ...element.attributes,
        ...elementsOf(element, 'data').map((data) => [data.attributes.get('key')!, textOf(data)] as const),
      ]),
  );
}

describe('GraphML', () => {
  const part = hostilePart();
  const document = parseXml(whole(graphml, part));

  it('follows the structure of its schema', () => {
    expect(document.name).toBe('graphml');
    expect(document.attributes.get('xmlns')).toBe('http://graphml.graphdrawing.org/xmlns');
    const kinds = document.children.filter((child) => typeof child !== 'string').map(({ name }) => name);
    expect(kinds.join(' ')).toMatch(/^(key )+graph$/);
    const keys = new Map(elementsOf(document, 'key').map((key) => [key.attributes.get('id')!, key.attributes]));
    expect(keys.size).toBe(elementsOf(document, 'key').length);
    for (const kind of ['node', 'edge']) {
      for (const data of elementsOf(document, kind).flatMap((element) => elementsOf(element, 'data'))) {
        const key = keys.get(data.attributes.get('key')!)!;
        expect(key.get('for')).toBe(kind);
        expect(textOf(data)).toMatch(TYPES[key.get('attr.type')!]!);
      }
    }
    // Ids are of the type xs:NMTOKEN, and each is there once.
    const ids = [...elementsOf(document, 'node'), ...elementsOf(document, 'edge')].map(({ attributes }) =>
      attributes.get('id')!,
    );
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[-.:\w]+$/);
  });

  it('says all there is to say, in texts that XML can hold', () => {
    const nodes = dataOf(document, 'node');
    expect(nodes.map((node) => node.get('node_content'))).toEqual(HOSTILE.map(inXml));
    for (const [index, { id, confidence, status, domains, metadata, valid_from: from }] of part.beliefs.entries()) {
      const node = nodes[index]!;
      expect(node.get('id')).toBe(id);
      expect(Number(node.get('node_confidence'))).toBe(confidence);
      expect(node.get('node_status')).toBe(status);
      expect(node.get('node_domains')).toBe(inXml(JSON.stringify(domains)));
      expect(node.get('node_metadata')).toBe(inXml(JSON.stringify(metadata)));
      expect(node.get('node_valid_from') ?? null).toBe(from);
      expect(node.get('node_seed')).toBe(String(id === beliefId(3)));
    }
    expect(
      dataOf(document, 'edge').map((found) => [found.get('source'), found.get('target'), found.get('edge_edge_type')]),
    ).toEqual(part.edges.map(({ source, target, edge_type: type }) => [source, target, type]));
  });

  it('shows control characters as their pictures, and what has none as unknown', () => {
    const lines = whole(graphml, {
      beliefs: [belief(1, { content: 'a\u0001\u001b[0m\u000b \ufffe\u{1f9ca}' })],
      edges: [],
    });
    expect(dataOf(parseXml(lines), 'node')[0]?.get('node_content')).toBe('a␁␛[0m␋ \ufffd\u{1f9ca}');
  });
});

const TYPES: Readonly<Record<string, RegExp>> = {
  string: /^/,
  int: /^[0-9]+$/,
  double: /^[0-9.]+(e-[0-9]+)?$/,
  boolean: /^(true|false)$/,
};

function inXml(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what this is about
  const pictures = text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, (c) =>
    String.fromCharCode(0x2400 + c.charCodeAt(0)),
  );
  return pictures.replace(/[\ufffe\uffff]/g, '\ufffd');
}

describe('Cypher', () => {
  const part = hostilePart();
  const statements = [...cypher(part)].slice(1);

  it.for([
    ['as Memgraph and AGE read it', (query: string) => query],
    ['as Neo4j reads it', neo4jReplaced],
  ] as const)('has the texts as they are and nothing of them outside literals, %s', ([, read]) => {
    const found = statements.map((statement) => readCypher(read(statement)));
    const shapes = new Set(found.map(({ shape }) => shape));
    const types = ['SUPPORTS', 'CONTRADICTS', 'SUPERSEDES', 'DERIVES_FROM'];
    expect(shapes).toEqual(
      new Set([
        'MERGE (b:Belief ?) SET b += ?;',
        ...types.flatMap((type) => [
          `MATCH (a:Belief ?), (b:Belief ?) MERGE (a)-[:${type} ?]->(b);`,
          `MATCH (:Belief ?)-[r:${type} ?]->(:Belief ?) SET r += ?;`,
        ]),
      ]),
    );
    const beliefs = found.slice(0, part.beliefs.length).map(({ maps }) => ({ ...maps[0], ...maps[1] }));
    expect(beliefs).toEqual(
      part.beliefs.map((record) => {
        const { type, dimensions, metadata, ...rest } = record;
        expect(type).toBe('belief');
        const inStrings = {
          dimensions: dimensions === null ? null : JSON.stringify(dimensions),
          metadata: JSON.stringify(metadata),
        };
        return { ...rest, ...inStrings };
      }),
    );
    const edges = found.slice(part.beliefs.length);
    for (const [index, { id, source, target, weight, metadata }] of part.edges.entries()) {
      expect(edges[2 * index]?.maps).toEqual([{ id: source }, { id: target }, { id }]);
      expect(edges[2 * index + 1]?.maps.slice(0, 3)).toEqual([{ id: source }, { id }, { id: target }]);
      expect(edges[2 * index + 1]?.maps[3]).toMatchObject({ weight, metadata: JSON.stringify(metadata) });
    }
  });

  it('cannot end the dollar quotes that AGE wants around it', () => {
    for (const statement of statements) expect(statement).not.toContain('$');
  });

  it('writes floats as floats, whatever their value', () => {
    const [, one] = cypher({ beliefs: [belief(1, { confidence: 1 })], edges: [] });
    expect(one).toContain('confidence: 1.0,');
    const [, tiny] = cypher({ beliefs: [belief(1, { confidence: 1e-7 })], edges: [] });
    expect(tiny).toContain('confidence: 1e-7,');
  });
});
