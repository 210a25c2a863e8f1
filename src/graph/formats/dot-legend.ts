import type { Belief, Edge } from '../records/belief-records.ts';
import { BELIEF_STATUSES, EDGE_TYPES } from '../records/vocabulary.ts';
import { BELIEF_LOOKS, EDGE_LOOKS } from './palette.ts';

/** What the looks in a picture mean, of those that are in it: a label of Graphviz's HTML-like kind. */
export function dotLegend(beliefs: readonly Belief[], edges: readonly Edge[]): string {
  const statuses = new Set(beliefs.map(({ status }) => status));
  const types = new Set(edges.map(({ edge_type: type }) => type));
  const cells = [
    ...BELIEF_STATUSES.filter((status) => statuses.has(status)).map(statusCells),
    ...EDGE_TYPES.filter((type) => types.has(type)).map(typeCells),
  ];
  return `<<TABLE BORDER="0" CELLSPACING="6"><TR>${cells.join('')}</TR></TABLE>>`;
}

function statusCells(status: (typeof BELIEF_STATUSES)[number]): string {
  const { fill, outline, text, line } = BELIEF_LOOKS[status];
  const style = line === 'solid' ? '' : ` STYLE="${line.toUpperCase()}"`;
  return `<TD BORDER="1" CELLPADDING="4" BGCOLOR="${fill}" COLOR="${outline}"${style}><FONT COLOR="${text}">${status}</FONT></TD>`;
}

/** A piece of the line, under a blank, and the word. */
function typeCells(type: (typeof EDGE_TYPES)[number]): string {
  const { colour, line } = EDGE_LOOKS[type];
  const style = line === 'solid' ? '' : ` STYLE="${line.toUpperCase()}"`;
  const mark = `<TD BORDER="2" SIDES="B" COLOR="${colour}"${style} WIDTH="36" HEIGHT="6" FIXEDSIZE="TRUE" VALIGN="TOP"></TD>`;
  return `${mark}<TD ALIGN="LEFT">${type.replace('_', ' ')}</TD>`;
}
