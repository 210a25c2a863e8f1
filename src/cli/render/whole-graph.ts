import type {
  CommunitiesSummary,
  Community,
  Component,
  ComponentsSummary,
  Cycle,
  CyclesSummary,
  Listing,
  Members,
  Rank,
  RanksSummary,
} from '../../app/graph-calls.ts';
import type { Belief } from '../../app/knowledge-calls.ts';
import { formatCount, notShown, plural, table } from '../figures.ts';
import { beliefLine } from './belief.ts';

/** Queries over the whole graph, for people: what was found, then one line on the whole. */

export function describeComponents({ rows, summary }: Listing<Component, ComponentsSummary>): string {
  const [only] = rows;
  if (only !== undefined && only.members !== null) {
    return members(only.members, `component ${only.name}: ${plural(only.size, 'belief')}`);
  }
  const listed = rows.map(({ size, belief }) => [formatCount(size), beliefLine(belief)]);
  const { components, beliefs, alone } = summary;
  const whole = `${plural(components, 'component')} of ${plural(beliefs, 'belief')}, ${formatCount(alone)} of one alone`;
  return [...headed(['BELIEFS', 'COMPONENT, BY ITS LEAST ID'], listed), whole + unlisted(summary.more)].join('\n');
}

export function describeCommunities({ rows, summary }: Listing<Community, CommunitiesSummary>): string {
  const [only] = rows;
  if (only !== undefined && only.members !== null) {
    return members(only.members, `community ${only.name}: ${plural(only.size, 'belief')}`);
  }
  const listed = rows.flatMap(({ size, central }) =>
    central.map((belief, index) => [index === 0 ? formatCount(size) : '', beliefLine(belief)]),
  );
  const { communities, beliefs, alone, modularity, resolution } = summary;
  const whole = `${plural(communities, 'community', 'communities')} of ${plural(beliefs, 'belief')}, ${formatCount(alone)} of one alone`;
  const quality = `; modularity ${modularity.toFixed(4)} at resolution ${resolution}`;
  return [...headed(['BELIEFS', 'MOST CENTRAL'], listed), whole + quality + unlisted(summary.more)].join('\n');
}

export function describeRanks({ rows, summary }: Listing<Rank, RanksSummary>): string {
  const digits = (score: number): string => (summary.by === 'pagerank' ? score.toPrecision(4) : score.toFixed(3));
  const listed = rows.map(({ place, score, belief }) => [formatCount(place), digits(score), beliefLine(belief)]);
  const by = summary.by === 'pagerank' ? 'PageRank' : 'what supports them';
  const around = summary.around.length === 0 ? '' : ` around ${summary.around.join(', ')}`;
  const whole = `${plural(summary.beliefs, 'belief')} ranked by ${by}${around}`;
  return [...headed(['PLACE', 'SCORE', 'BELIEF'], listed), whole + unlisted(summary.more)].join('\n');
}

export function describeCycles({ rows, summary }: Listing<Cycle, CyclesSummary>): string {
  if (rows.length === 0) return `no cycles over ${summary.types.join(', ')}`;
  const { cycles, beliefs } = summary;
  const whole = `${plural(cycles, 'group')} of beliefs that lead back to themselves, ${plural(beliefs, 'belief')} in all`;
  return [...rows.map(cycle), whole + unlisted(summary.more)].join('\n\n');
}

/** A shortest way around, with what joins the beliefs between them. */
function cycle({ size, length, beliefs, edges }: Cycle): string {
  const around = beliefs.flatMap((belief, index) => {
    const edge = edges[index];
    if (edge === undefined) return [beliefLine(belief)];
    const arrow = edge.source === belief.id ? '↓' : '↑';
    return [beliefLine(belief), `  ${arrow} ${edge.edge_type} (${edge.weight})`];
  });
  const rest =
    length > beliefs.length ? `  … and ${plural(length - beliefs.length, 'belief')} more` : '  back to the first';
  return [`${plural(length, 'edge')} around, among ${plural(size, 'belief')}`, ...around, rest].join('\n');
}

function members({ beliefs, more }: Members, heading: string): string {
  const rest = more === 0 ? [] : [notShown(more)];
  return [heading, ...beliefs.map((belief: Belief) => `  ${beliefLine(belief)}`), ...rest].join('\n');
}

function headed(headings: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  return rows.length === 0 ? [] : [table([headings, ...rows])];
}

function unlisted(more: number): string {
  return more === 0 ? '' : `; ${notShown(more)}`;
}
