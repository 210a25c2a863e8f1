import type { StepChoice } from '../arrays/paths/step-graph.ts';
import type { Belief } from '../records/belief-records.ts';
import { parseTimestamp } from '../records/timestamp.ts';
import { EDGE_TYPES } from '../records/vocabulary.ts';
import type { EdgeType } from '../records/vocabulary.ts';
import type { Direction, LevelQuery } from './adjacency.ts';
import type { Budget, Limit } from './budget.ts';
import type { View } from './view.ts';

/** What every walk can be told. */
export interface WalkOptions extends View, Budget {
  /** Only over edges of these types; all when left out. */
  readonly types?: readonly EdgeType[] | undefined;
  /** As seen from where the walk begins; `both` when left out. */
  readonly direction?: Direction | undefined;
}

/** What was walked, for every answer to say. */
export interface Walked {
  /** In the order of `EDGE_TYPES`. */
  readonly types: readonly EdgeType[];
  readonly direction: Direction;
  /** The times that were asked for (`View`); `null` where none was. */
  readonly as_of: string | null;
  readonly known_at: string | null;
  /** Which limit ended the walk; `null`: it saw all that was asked for. */
  readonly stopped: Limit | null;
}

/** A belief, and how many hops from where the walk began. */
export interface ReachedBelief extends Belief {
  readonly hops: number;
}

export function walked(options: WalkOptions, stopped: Limit | null): Walked {
  return {
    types: typesOf(options),
    direction: options.direction ?? 'both',
    as_of: options.as_of ?? null,
    known_at: options.known_at ?? null,
    stopped,
  };
}

/** The types to walk, each once. None given is all, as of a list that was left empty. */
export function typesOf({ types = [] }: WalkOptions): readonly EdgeType[] {
  return types.length === 0 ? EDGE_TYPES : EDGE_TYPES.filter((type) => types.includes(type));
}

/** The steps of a walk as the arrays know them. */
export function stepChoice(options: WalkOptions): Omit<StepChoice, 'by'> {
  const asOf = options.as_of === undefined ? null : parseTimestamp(options.as_of);
  return { types: typesOf(options), direction: options.direction ?? 'both', asOf };
}

/** One level of a walk, from some beliefs. */
export function levelQuery(from: readonly string[], options: WalkOptions): LevelQuery {
  return { from, types: typesOf(options), direction: options.direction ?? 'both', view: options };
}
