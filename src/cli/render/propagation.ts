import type { PropagatedBelief, Propagation } from '../../app/graph-calls.ts';
import { formatCount, notShown, plural, table } from '../figures.ts';
import { oneLine } from '../printable.ts';

const CONTENT_LENGTH = 80;

export function describePropagation(result: Propagation): string {
  const { beliefs, total, grounded, ungrounded, rounds, residual } = result;
  const rows = [['STATED', 'STRENGTH', 'GROUND', 'BELIEF', ''], ...beliefs.map(row)];
  const hidden = total - beliefs.length;
  return [
    ...(beliefs.length === 0 ? [] : [table(rows)]),
    `${formatCount(grounded)} in use have a ground, ${formatCount(ungrounded)} have none${hidden > 0 ? `; ${notShown(hidden)}` : ''}`,
    `${plural(rounds, 'round')}, the last of which changed no strength by more than ${residual.toExponential(1)}`,
  ].join('\n');
}

function row(belief: PropagatedBelief): readonly string[] {
  const status = belief.status === 'active' ? '' : `[${belief.status}] `;
  return [
    belief.confidence.toFixed(3),
    belief.strength.toFixed(3),
    belief.grounded ? 'yes' : 'no',
    belief.id,
    `${status}${oneLine(belief.content, CONTENT_LENGTH)}`,
  ];
}
