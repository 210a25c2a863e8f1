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
  return `<TD BORDER="1" CELLPADDING="8" BGCOLOR="${fill}" COLOR="${outline}"${style}><FONT COLOR="${text}">${status}</FONT></TD>`;
}

/** A piece of the line, halfway up, and the word. */
function typeCells(type: (typeof EDGE_TYPES)[number]): string {
  const { colour, line } = EDGE_LOOKS[type];
  const style = line === 'solid' ? '' : ` STYLE="${line.toUpperCase()}"`;
  const upper = `<TR><TD BORDER="2" SIDES="B" COLOR="${colour}"${style} WIDTH="36" HEIGHT="8" FIXEDSIZE="TRUE"></TD></TR>`;
  const lower = '<TR><TD BORDER="0" HEIGHT="8"></TD></TR>';
  const mark = `<TD><TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0">${upper}${lower}</TABLE></TD>`;
  return `${mark}<TD ALIGN="LEFT" CELLPADDING="5">${type.replace('_', ' ')}</TD>`;
}
