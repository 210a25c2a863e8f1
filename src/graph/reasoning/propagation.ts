import type { Session } from '../../schema/database.ts';
import { beliefId } from '../arrays/graph-arrays.ts';
import { beliefsValidAt } from '../arrays/validity.ts';
import type { Belief } from '../records/belief-records.ts';
import { beliefsInView } from '../records/recorded-beliefs.ts';
import { parseTimestamp } from '../records/timestamp.ts';
import { checkView } from '../walk/view.ts';
import { beliefsOfDomain } from './belief-sets.ts';
import { supportOf } from './losses.ts';
import type { Support } from './losses.ts';
import { revise } from './revision.ts';
import type { Revision } from './revision.ts';
import type { Standing } from './standing.ts';

export interface PropagateOptions {
  /** Only beliefs of this domain are listed; all count. */
  readonly domain?: string | undefined;
  /** List at most so many; 20 when left out. */
  readonly limit?: number | undefined;
  /** List superseded and archived beliefs too, whose strength is 0. */
  readonly all?: boolean | undefined;
  /** ISO 8601 with an offset: weigh only what holds then. */
  readonly as_of?: string | undefined;
}

/** How well each belief is supported; nothing of it is stored. */
export interface Propagation {
  readonly type: 'propagation';
  readonly as_of: string | null;
  /** Beliefs in use that have a ground, and that have none. */
  readonly grounded: number;
  readonly ungrounded: number;
  /** Rounds until none changed a strength by 1e-9, and how much the last one did. */
  readonly rounds: number;
  readonly residual: number;
  /** How many there are to list, those included that are not given. */
  readonly total: number;
  /** The greatest difference between strength and stated confidence first, then by id. */
  readonly beliefs: readonly PropagatedBelief[];
}

export interface PropagatedBelief extends Belief, Support {}

const LIMIT_DEFAULT = 20;

/** The time that a revision looks at, in microseconds since 2000. @throws `graph/refused` for one that cannot be read */
export function revisionTime(asOf: string | undefined): bigint | null {
  checkView({ as_of: asOf });
  return asOf === undefined ? null : parseTimestamp(asOf);
}

/** `standing` is that of `as_of`. */
export async function propagation(
  session: Session,
  standing: Standing,
  options: PropagateOptions = {},
): Promise<Propagation> {
  const { arrays, inUse } = standing;
  const revision = revise(standing);
  const listed = byDifference(standing, revision, await candidates(session, standing, options));
  const shown = listed.subarray(0, options.limit ?? LIMIT_DEFAULT);
  const ids = Array.from(shown, (belief) => beliefId(arrays, belief));
  const beliefs = await beliefsInView(session, ids, { as_of: options.as_of });
  const grounded = revision.grounded.reduce((sum, bit) => sum + bit, 0);
  return {
    type: 'propagation',
    as_of: options.as_of ?? null,
    grounded,
    ungrounded: inUse.reduce((sum, bit) => sum + bit, 0) - grounded,
    rounds: revision.rounds,
    residual: revision.residual,
    total: listed.length,
    beliefs: ids.flatMap((id, at): readonly PropagatedBelief[] => {
      const belief = beliefs.get(id);
      return belief === undefined ? [] : [{ ...belief, ...supportOf(revision, shown[at]!) }];
    }),
  };
}

async function candidates(
  session: Session,
  { arrays, inUse }: Standing,
  { domain, all, as_of }: PropagateOptions,
): Promise<Int32Array> {
  const ofDomain =
    domain === undefined
      ? Int32Array.from({ length: arrays.beliefs.count }, (_, belief) => belief)
      : await beliefsOfDomain(session, arrays, domain);
  if (all !== true) return ofDomain.filter((belief) => inUse[belief] === 1);
  const isValid = beliefsValidAt(arrays, revisionTime(as_of));
  return isValid === null ? ofDomain : ofDomain.filter((belief) => isValid(belief));
}

function byDifference({ arrays }: Standing, { strength }: Revision, beliefs: Int32Array): Int32Array {
  const difference = Float64Array.from(strength, (value, belief) =>
    Math.abs(value - arrays.beliefs.confidence[belief]!),
  );
  return beliefs.sort((a, b) => difference[b]! - difference[a]! || a - b);
}
