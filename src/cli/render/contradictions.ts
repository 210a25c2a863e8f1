import type { Contradiction, Contradictions, Ground, Grounds } from '../../app/graph-calls.ts';
import { notShown, plural } from '../figures.ts';
import { beliefLine } from './belief.ts';

export function describeContradictions({ contradictions, total }: Contradictions): string {
  const hidden = total - contradictions.length;
  return [
    ...contradictions.map(contradictionText),
    `${plural(total, 'contradiction')}${hidden > 0 ? `; ${notShown(hidden)}` : ''}`,
  ].join('\n');
}

function contradictionText({ edge, ends, at_stake: stake, open, grounds }: Contradiction): string {
  return [
    `${stake.toFixed(3)} at stake  ${edge.id}  weight ${edge.weight}${open ? '' : ' [settled]'}`,
    ...ends.map((belief) => `  ${beliefLine(belief)}`),
    ...(grounds === null ? [] : groundsLines(grounds)),
  ].join('\n');
}

function groundsLines({ found, nearest, stopped }: Grounds): readonly string[] {
  const more = stopped === null ? '' : `, and the search ended at a limit (${stopped})`;
  return [
    `  ${found === 0 ? 'no common ground' : plural(found, 'common ground')}${more}`,
    ...nearest.map(groundLine),
    ...(found > nearest.length ? [`    and ${found - nearest.length} more`] : []),
  ];
}

function groundLine({ belief, chains }: Ground): string {
  const [left, right] = chains.map((chain) => chain.length - 1);
  return `    ${beliefLine(belief)}  (${left} and ${plural(right!, 'hop')} away)`;
}
