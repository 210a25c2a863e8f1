import type { ConnectionPlan, ProxyPlan, StreamFault } from './faulty-proxy.ts';
import { seededRandom } from '../seeded-random.ts';

export interface RandomLine {
  /** Share of the connections that are harmed, from 0 to 1. */
  readonly share: number;
  /** Where in a direction the harm begins, at most. */
  readonly bytesMax: number;
  /** The kinds to choose from; all but `stall`, which ends only by a timeout, unless given. */
  readonly kinds?: readonly StreamFault['kind'][];
}

const KINDS: readonly StreamFault['kind'][] = [
  'reset', 'half-close', 'truncate', 'trickle', 'drop', 'duplicate', 'reorder', 'flip', 'latency',
]; // prettier-ignore

/** Harms connections at random, the same ones in each run of a seed, as far as the client makes them in the same order. */
export function randomLine(seed: string, { share, bytesMax, kinds = KINDS }: RandomLine): ProxyPlan {
  return (connection) => {
    const random = seededRandom(`${seed} ${connection}`);
    const pick = (below: number): number => Buffer.from(random.bytes(4)).readUInt32BE() % below;
    if (pick(10_000) >= share * 10_000) return null;
    const fault = faultOf(kinds[pick(kinds.length)] ?? 'reset', pick(bytesMax), 1 + pick(2000));
    const plan: ConnectionPlan = pick(2) === 0 ? { up: [fault] } : { down: [fault] };
    return plan;
  };
}

function faultOf(kind: StreamFault['kind'], at: number, bytes: number): StreamFault {
  if (kind === 'flip') return { kind, atByte: at };
  if (kind === 'latency') return { kind, ms: 1 + (at % 20) };
  if (kind === 'trickle') return { kind, afterBytes: at, bytes: 1000 + bytes, everyMs: 1 };
  if (kind === 'drop' || kind === 'duplicate' || kind === 'reorder') return { kind, afterBytes: at, bytes };
  return { kind, afterBytes: at };
}
