import type { BeliefStatus, EdgeType } from '../records/vocabulary.ts';

/**
 * How a picture tells types and statuses apart. Nothing by colour alone: lines and outlines differ too. The colours of edges
 * are of Okabe and Ito's palette (2008), which all kinds of colour vision tell apart, its green darker and its black grey; lines have at
 * least 3:1 against white, text 4.5:1 against its ground (WCAG 2.2).
 */
export interface EdgeLook {
  readonly colour: string;
  readonly line: 'solid' | 'dashed' | 'dotted';
  /** The shape of Graphviz at the target. `contradicts` has it at both ends. */
  readonly arrow: string;
}

export const EDGE_LOOKS: Readonly<Record<EdgeType, EdgeLook>> = {
  supports: { colour: '#008561', line: 'solid', arrow: 'normal' },
  contradicts: { colour: '#d55e00', line: 'dashed', arrow: 'tee' },
  supersedes: { colour: '#0072b2', line: 'dotted', arrow: 'vee' },
  derives_from: { colour: '#595959', line: 'solid', arrow: 'onormal' },
};

export interface BeliefLook {
  readonly fill: string;
  readonly outline: string;
  readonly text: string;
  readonly line: 'solid' | 'dashed' | 'dotted';
}

export const BELIEF_LOOKS: Readonly<Record<BeliefStatus, BeliefLook>> = {
  active: { fill: '#e8f1fa', outline: '#33526e', text: '#000000', line: 'solid' },
  disputed: { fill: '#fde8d7', outline: '#a84a00', text: '#000000', line: 'dashed' },
  superseded: { fill: '#f2f2f2', outline: '#595959', text: '#404040', line: 'dotted' },
  archived: { fill: '#ffffff', outline: '#8c8c8c', text: '#595959', line: 'solid' },
};
