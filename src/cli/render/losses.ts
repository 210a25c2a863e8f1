import type { Lost, LostBelief, Support, WhatIf } from '../../app/graph-calls.ts';
import { notShown, plural } from '../figures.ts';
import { beliefLine } from './belief.ts';

export const LOST_JSON =
  '{"ungrounded","weakened","beliefs":[{belief, "before":{"grounded","strength"},"after":{"grounded","strength"}}]}';

/** What is lost, and `when`, if that has to be said; `option` shows more of it. */
export function lostLines(lost: Lost, when: string | null, option: string | null = null): readonly string[] {
  const { ungrounded, weakened, beliefs } = lost;
  const first = when === null ? '' : `${when}, `;
  if (ungrounded + weakened === 0) return [`${first}nothing loses its ground or becomes weaker`];
  const counted = `${plural(ungrounded, 'belief')} ${ungrounded === 1 ? 'loses its' : 'lose their'} ground, ${weakened} ${weakened === 1 ? 'becomes' : 'become'} weaker`;
  const hidden = ungrounded + weakened - beliefs.length;
  return [`${first}${counted}`, ...beliefs.map(lostLine), ...(hidden > 0 ? [notShown(hidden, option)] : [])];
}

/** What was lost with something that was retired; `null`: nobody looked. */
export function retiredLines(lost: Lost | null): readonly string[] {
  if (lost === null)
    return ['what loses its ground was not computed: the base has more than two million beliefs or edges'];
  return lost.ungrounded + lost.weakened === 0 ? [] : lostLines(lost, 'without it');
}

export function describeWhatIf({ without, lost }: WhatIf): string {
  return [...without.map(({ kind, id }) => `without ${kind} ${id}`), ...lostLines(lost, null, '--limit')].join('\n');
}

function lostLine({ before, after, ...belief }: LostBelief): string {
  const ground = before.grounded && !after.grounded ? 'no ground' : '         ';
  return `  ${ground}  ${strengthText(before)} → ${strengthText(after)}  ${beliefLine(belief)}`;
}

function strengthText({ strength }: Support): string {
  return strength.toFixed(3);
}
