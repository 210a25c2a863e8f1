import type { Belief, Edge } from '../../src/graph/records/belief-records.ts';
import type { GraphPart } from '../../src/graph/formats/graph-part.ts';
import { beliefId } from './sample-knowledge.ts';

/** Records as queries give them, without a database. */

export function belief(number: number, fields: Partial<Belief> = {}): Belief {
  return {
    type: 'belief',
    id: beliefId(number),
    content: `belief ${number}`,
    confidence: 0.75,
    dimensions: null,
    domains: [],
    status: 'active',
    valid_from: null,
    valid_until: null,
    metadata: {},
    version: 1,
    created_at: '2026-01-31T12:00:00Z',
    updated_at: '2026-01-31T12:00:00Z',
    ...fields,
  };
}

export function edge(number: number, source: number, target: number, fields: Partial<Edge> = {}): Edge {
  return {
    type: 'edge',
    id: `00000000-0000-7000-9000-${String(number).padStart(12, '0')}`,
    source: beliefId(source),
    target: beliefId(target),
    edge_type: 'supports',
    weight: 1,
    valid_from: null,
    valid_until: null,
    retired_at: null,
    metadata: {},
    created_at: '2026-01-31T12:00:00Z',
    ...fields,
  };
}

/** What beliefs may say to break out of a format that quotes them. */
export const HOSTILE: readonly string[] = [
  `quotes " ' \` and """ '''`,
  'backslashes \\ \\\\ \\" \\\' \\N \\G \\l ending in one \\',
  '</data></node><script>alert(1)</script>',
  ']]> <![CDATA[ --> <!-- <?xml ?> <!DOCTYPE x [<!ENTITY e "boom">]> &e;',
  '&lt;b&gt; &amp; &#65; &nbsp; & alone',
  `'}) DETACH DELETE n; MATCH (m) DETACH DELETE m; //`,
  `\\u0027}) DETACH DELETE n //`,
  '\\\\u0027 \\u005c\\u0027 $$ ) AS (v agtype); DROP SCHEMA valence; $$ $tag$',
  'lines\nof\r\nall\rkinds\u2028and\u2029more\ttabs',
  'control \u0001\u0007\u0008\u000b\u000c\u001b[2J\u001f \u007f\u0085\u009f \ufffe\uffff',
  'turned \u202egnorw\u202c \u2066around\u2069 \ufeff',
  'emoji 👩‍👩‍👧‍👦 🏳️‍🌈 e\u0301 水は氷になる 🧊 \u{10ffff}',
  '"];} graph { <b>html</b> > -> "x" [label=<<TABLE>>',
  ' ',
  'javascript:alert(1) http://example.org/?a=1&b=2',
];

/** Hostile beliefs in a ring, with every type, status and optional field somewhere. */
export function hostilePart(): GraphPart {
  const types = ['supports', 'contradicts', 'supersedes', 'derives_from'] as const;
  const statuses = ['active', 'disputed', 'superseded', 'archived'] as const;
  const beliefs = HOSTILE.map((content, index) =>
    belief(index, {
      content,
      status: statuses[index % 4]!,
      confidence: [0, 1, 1e-7, 0.719][index % 4]!,
      domains: index % 3 === 0 ? [content, 'plain'] : [],
      metadata: index % 2 === 0 ? { [content]: content } : {},
      dimensions: index % 5 === 0 ? { [content]: 0.5 } : null,
      valid_from: index % 4 === 1 ? '2024-02-29T23:59:59.123456Z' : null,
    }),
  );
  const edges = HOSTILE.map((content, index) =>
    edge(index, index, (index + 1) % HOSTILE.length, {
      edge_type: types[index % 4]!,
      weight: [0, 1, 0.4][index % 3]!,
      metadata: { content },
      retired_at: index % 7 === 6 ? '2026-02-01T00:00:00Z' : null,
    }),
  );
  return { beliefs, edges, seeds: [beliefId(3)] };
}

/** The same records in another order, some of them twice. */
export function shuffled({ beliefs, edges, seeds = [] }: GraphPart): GraphPart {
  return {
    beliefs: [...beliefs].reverse().concat(beliefs[2]!),
    edges: [...edges.slice(4), ...edges.slice(0, 6)],
    seeds: [...seeds, ...seeds],
  };
}
