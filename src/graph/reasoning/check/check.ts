import type { Clock } from '../../../core/clock.ts';
import type { Session } from '../../../schema/database.ts';
import { ERROR_CHECKS } from './errors.ts';
import { finding } from './finding.ts';
import type { GraphFinding } from './finding.ts';
import { NOTICE_CHECKS, supersedesLater } from './notices.ts';
import { supersedesCircleFinding } from './supersedes-circle.ts';

/**
 * What is wrong in the graph and what is worth a look; errors first, always in the same order. Each is one statement over
 * whole tables. Changes nothing, and throws for nothing that it finds.
 */
export async function checkGraph(
  session: Session,
  { clock, signal }: { readonly clock: Clock; readonly signal?: AbortSignal | undefined },
): Promise<readonly GraphFinding[]> {
  const now = new Date(clock.now()).toISOString();
  const looks = [
    ...ERROR_CHECKS.map((check) => () => finding(session, check)),
    () => supersedesCircleFinding(session),
    ...[...NOTICE_CHECKS, supersedesLater(now)].map((check) => () => finding(session, check)),
  ];
  const findings: GraphFinding[] = [];
  for (const look of looks) {
    signal?.throwIfAborted();
    const found = await look();
    if (found !== null) findings.push(found);
  }
  return findings;
}
