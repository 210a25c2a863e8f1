import type { Session } from '../../../schema/database.ts';
import type { GraphArrays } from '../../arrays/graph-arrays.ts';
import { groupSize } from '../partition.ts';
import type { Partition } from '../partition.ts';
import { numberOf, ROWS_DEFAULT } from './whole-query.ts';
import type { WholeOptions } from './whole-query.ts';

/** What a listing of groups of beliefs can be told. */
export interface GroupOptions extends WholeOptions {
  /** Only the group of this belief, with its members, of which `limit` then counts. */
  readonly of?: string | undefined;
  /** Only groups of at least so many beliefs. */
  readonly minSize?: number | undefined;
}

/** Said of all groups, listed or not. */
export interface GroupFigures {
  readonly beliefs: number;
  /** The size of the largest; 0 where there is none. */
  readonly largest: number;
  /** Groups of one belief. */
  readonly alone: number;
}

export interface ChosenGroups {
  readonly shown: readonly number[];
  /** How many would be without a limit. */
  readonly of: number;
}

/** The groups to be listed. @throws as `numberOf` for the belief */
export async function chosenGroups(
  session: Session,
  arrays: GraphArrays,
  groups: Partition,
  { of, minSize = 1, limit = ROWS_DEFAULT, ...view }: GroupOptions,
): Promise<ChosenGroups> {
  if (of !== undefined) return { shown: [groups.group[await numberOf(session, arrays, of, view)]!], of: 1 };
  const enough = largerThan(groups, minSize - 1);
  return { shown: Array.from({ length: Math.min(enough, limit) }, (_, group) => group), of: enough };
}

export function groupFigures(groups: Partition): GroupFigures {
  const { members, count } = groups;
  const largest = count === 0 ? 0 : groupSize(groups, 0);
  return { beliefs: members.length, largest, alone: count - largerThan(groups, 1) };
}

/** How many groups have more beliefs than that; they come first. */
function largerThan(groups: Partition, size: number): number {
  let count = 0;
  while (count < groups.count && groupSize(groups, count) > size) count += 1;
  return count;
}
