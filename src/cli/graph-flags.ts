import type { FlagParametersForType } from '@stricli/core';
import { EDGE_TYPES } from '../app/knowledge-calls.ts';
import type { EdgeType } from '../app/knowledge-calls.ts';
import type { CliContext } from './command-context.ts';
import { count, seconds } from './parsers.ts';
import { TIME_FORMS, timeFlag } from './time-input.ts';

/** Options that mean the same for every query of the graph (docs/decisions/0016-graph-queries.md). */

export interface TypesFlag {
  readonly types?: readonly EdgeType[] | undefined;
}

/** `--types supports,contradicts`, repeated or not. */
export const typesFlag: FlagParametersForType<TypesFlag, CliContext> = {
  types: {
    kind: 'enum',
    values: EDGE_TYPES,
    variadic: ',',
    optional: true,
    brief: 'only over edges of these types',
  },
};

const DIRECTIONS = ['outgoing', 'incoming', 'both'] as const;

export interface DirectionFlag {
  readonly direction?: (typeof DIRECTIONS)[number] | undefined;
}

export const directionFlag: FlagParametersForType<DirectionFlag, CliContext> = {
  direction: {
    kind: 'enum',
    values: DIRECTIONS,
    optional: true,
    brief: 'which way edges are walked, both when left out; contradicts goes both ways whatever is asked',
  },
};

export interface ViewFlags {
  readonly asOf?: string | undefined;
  readonly knownAt?: string | undefined;
}

export const viewFlags: FlagParametersForType<ViewFlags, CliContext> = {
  asOf: { ...timeFlag, brief: `only what was valid at that time, ${TIME_FORMS}` },
  knownAt: { ...timeFlag, brief: 'only what had been recorded by that time, as it stood then' },
};

/** The times as the library takes them. */
export function viewOf({ asOf, knownAt }: ViewFlags): { as_of?: string | undefined; known_at?: string | undefined } {
  return { as_of: asOf, known_at: knownAt };
}

export interface BudgetFlags {
  readonly maxBeliefs?: number | undefined;
  readonly maxEdges?: number | undefined;
  /** Seconds. */
  readonly timeout?: number | undefined;
}

const bound = { kind: 'parsed', parse: count, optional: true, placeholder: 'N' } as const;

/** How far around one belief is looked. */
export const hopsAway: FlagParametersForType<{ readonly hops?: number | undefined }, CliContext>['hops'] = {
  ...bound,
  brief: 'how many hops away; 1 when left out',
};

export const budgetFlags: FlagParametersForType<BudgetFlags, CliContext> = {
  maxBeliefs: { ...bound, brief: 'stop at so many beliefs; 10,000 when left out' },
  maxEdges: { ...bound, brief: 'stop after looking at so many edges; 100,000 when left out' },
  timeout: {
    kind: 'parsed',
    parse: seconds,
    optional: true,
    placeholder: 'SECONDS',
    brief: 'stop after so long; 10 when left out',
  },
};

/** The budget as the library takes it, in milliseconds. */
export function budgetOf({ maxBeliefs, maxEdges, timeout }: BudgetFlags): {
  maxBeliefs?: number | undefined;
  maxEdges?: number | undefined;
  maxMs?: number | undefined;
} {
  return { maxBeliefs, maxEdges, maxMs: timeout === undefined ? undefined : timeout * 1000 };
}
