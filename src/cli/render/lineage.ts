import type { Lineage, LineageBelief, LineageStep, SourceLineage } from '../../app/graph-calls.ts';
import { notShown, plural } from '../figures.ts';
import { beliefLine, sourceLine } from './belief.ts';
import { lostLines } from './losses.ts';
import { stoppedLines } from './stopped.ts';

/** Levels that are shown by indenting; a deeper one says which it is. */
const INDENTED_MAX = 20;

/** A tree: each belief stands once with what it rests on, where it was first reached; elsewhere it is only named. */
export function describeLineage(lineage: Lineage): string {
  const { beliefs, sources, direction } = lineage;
  const counted = plural(beliefs.length - 1, 'belief');
  return [
    ...treeLines(lineage),
    direction === 'dependents'
      ? `${counted} ${beliefs.length === 2 ? 'rests' : 'rest'} on it`
      : `rests on ${counted} and ${plural(sources.length, 'source')}`,
    ...(lineage.stopped === 'hops' ? ['there are more levels; --depth shows them'] : stoppedLines(lineage.stopped)),
  ].join('\n');
}

export function describeSourceLineage({ source, beliefs, named_by: named, lost }: SourceLineage): string {
  return [
    `source ${sourceLine(source)}`,
    ...beliefs.map((belief) => `  ${beliefLine(belief)}`),
    `${plural(named, 'belief')} ${named === 1 ? 'names' : 'name'} it${beliefs.length < named ? `; ${notShown(named - beliefs.length, null)}` : ''}`,
    '',
    ...lostLines(lost, 'if it is wrong'),
  ].join('\n');
}

function treeLines({ belief: root, beliefs, steps, sources }: Lineage): readonly string[] {
  const known = new Map(beliefs.map((belief) => [belief.id, belief]));
  const named = new Map(sources.map((source) => [source.id, source]));
  const below = Map.groupBy(steps, ({ from }) => from);
  const first = new Map(steps.toReversed().map((step) => [step.to, step]));
  const lines: string[] = [];
  // A stack of its own: a chain may be thousands of levels deep.
  const waiting: { readonly belief: LineageBelief; readonly level: number; readonly step: LineageStep | null }[] = [];
  waiting.push({ belief: known.get(root)!, level: 0, step: null });
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { belief, level, step } = next;
    const again = step !== null && (belief.id === root || first.get(belief.id) !== step);
    lines.push(
      `${indent(level)}${step === null ? '' : stepText(step)}${beliefLine(belief)}${again ? '  (see there)' : ''}`,
    );
    if (again) continue;
    for (const id of belief.sources) lines.push(`${indent(level + 1)}source ${sourceLine(named.get(id)!)}`);
    for (const each of (below.get(belief.id) ?? []).toReversed()) {
      const end = known.get(each.to);
      if (end !== undefined) waiting.push({ belief: end, level: level + 1, step: each });
    }
  }
  return lines;
}

function stepText({ edge, to }: LineageStep): string {
  return `${edge.target === to ? '→' : '←'} ${edge.edge_type} (${edge.weight})  `;
}

function indent(level: number): string {
  return level <= INDENTED_MAX ? '  '.repeat(level) : `${'  '.repeat(INDENTED_MAX)}[level ${level}] `;
}
