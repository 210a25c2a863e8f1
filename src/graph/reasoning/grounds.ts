import { DERIVES_FROM } from './standing.ts';
import type { Standing } from './standing.ts';

/**
 * By belief, 1: it has a ground. The least set such that a belief in use is in it if it names a source that is not retired,
 * or names none and derives from nothing (it was simply stated), or derives from one in the set by an edge of weight above
 * 0 (well-founded support: Doyle 1979). Circles of derivation do not ground themselves. Linear in beliefs and edges.
 */
export function groundedBeliefs(standing: Standing): Uint8Array {
  const { arrays, counted, inUse } = standing;
  const { incoming, edges } = arrays;
  const grounded = ownGrounds(standing);
  // Each belief comes to wait once, so that the list is never longer than there are beliefs.
  const waiting = new Int32Array(grounded.length);
  let count = 0;
  for (let belief = 0; belief < grounded.length; belief += 1) if (grounded[belief] === 1) waiting[count++] = belief;
  for (let next = 0; next < count; next += 1) {
    const premise = waiting[next]!;
    for (let step = incoming.offsets[premise]!; step < incoming.offsets[premise + 1]!; step += 1) {
      const [edge, conclusion] = [incoming.edges[step]!, incoming.ends[step]!];
      if (edges.type[edge] !== DERIVES_FROM || !(edges.weight[edge]! > 0) || counted?.[edge] === 0) continue;
      if (inUse[conclusion] === 0 || grounded[conclusion] === 1) continue;
      grounded[conclusion] = 1;
      waiting[count++] = conclusion;
    }
  }
  return grounded;
}

/** Those that need no other belief. */
function ownGrounds({ arrays, counted, evidence, inUse }: Standing): Uint8Array {
  const { beliefs, edges } = arrays;
  const derived = new Uint8Array(beliefs.count);
  for (let edge = 0; edge < edges.count; edge += 1) {
    if (edges.type[edge] === DERIVES_FROM && counted?.[edge] !== 0) derived[edges.source[edge]!] = 1;
  }
  const grounded = new Uint8Array(beliefs.count);
  for (let belief = 0; belief < beliefs.count; belief += 1) {
    const stated = evidence.named[belief] === 0 && derived[belief] === 0;
    if (inUse[belief] === 1 && (stated || evidence.trusted[belief]! > 0)) grounded[belief] = 1;
  }
  return grounded;
}
