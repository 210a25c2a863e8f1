import type { Edge, Neighbour, Neighbourhood } from '../../app/graph-calls.ts';
import type { Belief } from '../../app/knowledge-calls.ts';
import { formatCount, plural } from '../figures.ts';
import { beliefLine, sourceLine } from './belief.ts';
import { stoppedLines } from './stopped.ts';
import { describeWalked } from './walked.ts';

/** The belief, its sources, and a tree of the edges around it. */
export function describeNeighbourhood(around: Neighbourhood): string {
  const { belief, sources, edges, more } = around;
  return [
    `${beliefLine(belief)}${validity(belief)}`,
    ...sources.map((source) => `  source ${sourceLine(source)}`),
    ...branches(belief.id, childrenOf(edges)),
    ...(more === null ? [] : [`… and ${more.atLeast ? 'at least ' : ''}${formatCount(more.edges)} more`]),
    `${plural(edges.length, 'edge')} within ${plural(around.depth, 'hop')}; walked: ${describeWalked(around)}`,
    ...stoppedLines(around.stopped),
  ].join('\n');
}

type Children = ReadonlyMap<string, readonly Neighbour[]>;

function childrenOf(edges: readonly Neighbour[]): Children {
  return Map.groupBy(edges, ({ parent }) => parent);
}

interface Branch {
  readonly neighbour: Neighbour;
  /** What the line begins with, and those below it. */
  readonly indent: string;
  readonly indentBelow: string;
  /** Whether the way from the root goes through a contradiction, so that it must be said what it comes to. */
  readonly contradicting: boolean;
}

/** Depth first, without recursion: a tree may be a thousand deep. */
function branches(root: string, children: Children): string[] {
  const lines: string[] = [];
  const open = below(root, children, { indentBelow: '', contradicting: false });
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    lines.push(`${next.indent} ${neighbourText(next)}`);
    if (!next.neighbour.repeated) open.push(...below(next.neighbour.belief.id, children, next));
  }
  return lines;
}

/** Last first. */
function below(id: string, children: Children, above: Pick<Branch, 'indentBelow' | 'contradicting'>): Branch[] {
  const { indentBelow: indent } = above;
  const list = children.get(id) ?? [];
  return list.toReversed().map((neighbour, fromLast) => ({
    neighbour,
    indent: `${indent}${fromLast === 0 ? '└─' : '├─'}`,
    indentBelow: `${indent}${fromLast === 0 ? '   ' : '│  '}`,
    contradicting: above.contradicting || neighbour.edge.edge_type === 'contradicts',
  }));
}

function neighbourText({ neighbour, contradicting }: Branch): string {
  const { direction, edge, belief, polarity, repeated } = neighbour;
  const arrow = direction === 'outgoing' ? '→' : '←';
  const joined = `${arrow} ${edge.edge_type} (${edge.weight})${validity(edge)}${contradicting ? `, ${polarity}` : ''}`;
  return `${joined}  ${beliefLine(belief)}${validity(belief)}${repeated ? '  (also above)' : ''}`;
}

/** Where it does not hold for ever. */
function validity({ valid_from: from, valid_until: until }: Belief | Edge): string {
  if (from === null && until === null) return '';
  return ` [valid ${from ?? 'ever'} – ${until ?? 'open'}]`;
}
