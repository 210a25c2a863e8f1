import type { Belief, Edge } from '../records/belief-records.ts';
import { dotAttributes, dotName, dotText, dotTooltip } from './dot-text.ts';
import { dotLegend } from './dot-legend.ts';
import { ordered } from './graph-part.ts';
import type { GraphPart } from './graph-part.ts';
import { BELIEF_LOOKS, EDGE_LOOKS } from './palette.ts';
import { shortened, visible, wrapped } from './picture-text.ts';
import type { TextBlock } from './picture-text.ts';

/**
 * Up to here levels are drawn, which shows what rests on what; the effort for that grows steeply, with the edges above all,
 * and around a belief of many edges a level becomes one endless row.
 */
const LEVELS = { beliefs: 150, edges: 300, edgesOfOne: 24 };

/** Graphemes of a text that is seen when a belief is pointed at. */
const TOOLTIP_LENGTH = 2000;

/** How a part is laid out, by its size. */
interface Layout {
  readonly graph: Readonly<Record<string, string | number>>;
  readonly text: TextBlock;
  readonly fontsize: number;
}

/** Graphviz's `dot`, after a bounded number of improvements. */
const LAYERED: Layout = {
  graph: { layout: 'dot', nslimit: 1, nslimit1: 1, mclimit: 0.5, nodesep: 0.3, ranksep: 0.6 },
  text: { width: 30, lines: 3 },
  fontsize: 11,
};

/** By forces, on several scales (Hu 2005): nearly linear. Smaller boxes, then less has to be moved apart. */
const BY_FORCES: Layout = {
  graph: { layout: 'sfdp', overlap: 'scalexy', outputorder: 'edgesfirst' },
  text: { width: 18, lines: 2 },
  fontsize: 8,
};

/**
 * The part as a picture in the DOT language of Graphviz, its layout and a legend in it. Beliefs show the beginning of what they say,
 * their confidence and, unless active, their status, and tell more when pointed at; seeds have a thick outline. Edges
 * are as thick as their weight. Nothing a belief says is taken for markup.
 */
export function* dot(part: GraphPart): Generator<string, void, undefined> {
  const { beliefs, edges, seeds } = ordered(part);
  const layout = layoutOf(beliefs, edges);
  const marked = new Set(seeds);
  yield 'digraph valence {';
  yield `graph ${dotAttributes({ ...layout.graph, charset: '"UTF-8"', bgcolor: 'white', fontname: FONT, fontsize: 11, labelloc: 'b', tooltip: '" "' })};`;
  yield `node ${dotAttributes({ shape: 'box', fontname: FONT, fontsize: layout.fontsize, margin: MARGIN, height: 0, width: 0 })};`;
  yield `edge ${dotAttributes({ arrowsize: 0.7 })};`;
  yield `label=${dotLegend(beliefs, edges)};`;
  for (const belief of beliefs) yield node(belief, layout, marked.has(belief.id));
  for (const edge of edges) yield line(edge);
  yield '}';
}

function layoutOf(beliefs: readonly Belief[], edges: readonly Edge[]): Layout {
  if (beliefs.length > LEVELS.beliefs || edges.length > LEVELS.edges) return BY_FORCES;
  const degrees = new Map<string, number>();
  for (const end of edges.flatMap(({ source, target }) => [source, target])) {
    degrees.set(end, (degrees.get(end) ?? 0) + 1);
  }
  return Math.max(0, ...degrees.values()) <= LEVELS.edgesOfOne ? LAYERED : BY_FORCES;
}

/** One that Graphviz knows the widths of; of a list it knows none, and boxes come out too narrow. */
const FONT = 'Helvetica';
/** Inches beside and above a text: room for the fonts that stand in where there is no Helvetica, up to a seventh wider. */
const MARGIN = '"0.2,0.05"';

function node(belief: Belief, { text }: Layout, isSeed: boolean): string {
  const { fill, outline, text: colour, line: style } = BELIEF_LOOKS[belief.status];
  const facts = [figure(belief.confidence), ...(belief.status === 'active' ? [] : [belief.status])].join(' · ');
  const more = visible(shortened(belief.content, TOOLTIP_LENGTH)).split(/\r\n|[\r\n]/);
  return `${dotName(belief.id)} ${dotAttributes({
    label: dotText([...wrapped(belief.content, text), facts]),
    tooltip: dotTooltip([belief.id, `confidence ${belief.confidence}, ${belief.status}`, ...more]),
    class: `"belief ${belief.status}"`,
    style: `"filled,rounded,${style}"`,
    fillcolor: `"${fill}"`,
    color: `"${outline}"`,
    fontcolor: `"${colour}"`,
    penwidth: isSeed ? 3 : 1,
  })};`;
}

function line({ id, source, target, edge_type: type, weight }: Edge): string {
  const { colour, line: style, arrow } = EDGE_LOOKS[type];
  const mutual = type === 'contradicts' ? { dir: 'both', arrowtail: arrow } : {};
  return `${dotName(source)} -> ${dotName(target)} ${dotAttributes({
    tooltip: dotTooltip([`${type}, weight ${weight}`, id]),
    class: type,
    style,
    color: `"${colour}"`,
    arrowhead: arrow,
    ...mutual,
    penwidth: figure(0.6 + 2.4 * weight),
  })};`;
}

function figure(value: number): string {
  return value.toFixed(2);
}
