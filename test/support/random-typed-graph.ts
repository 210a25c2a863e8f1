import { sql } from 'kysely';
import { EDGE_TYPES } from '../../src/graph/records/vocabulary.ts';
import type { EdgeType } from '../../src/graph/records/vocabulary.ts';
import type { Database } from '../../src/schema/database.ts';
import { beliefId } from './sample-knowledge.ts';
import { seededRandom } from './seeded-random.ts';

/** Days of January 2026; `null`: open, or never. */
export interface Span {
  readonly from: number | null;
  readonly until: number | null;
}

/** What a belief said from one day of record to another. */
export interface GraphVersion {
  readonly recorded: number;
  readonly replaced: number | null;
  readonly valid: Span;
}

export interface GraphBelief {
  readonly id: string;
  /** Oldest first; the last is the present one. */
  readonly versions: readonly GraphVersion[];
}

export interface GraphEdge {
  readonly id: string;
  readonly source: string;
  readonly target: string;
  readonly type: EdgeType;
  readonly weight: number;
  readonly created: number;
  readonly retired: number | null;
  readonly valid: Span;
}

export interface TypedGraph {
  readonly beliefs: readonly GraphBelief[];
  readonly edges: readonly GraphEdge[];
}

const WEIGHTS = [0, 0.25, 0.5, 0.5, 1, 1];
export const LAST_DAY = 9;

export function day(number: number): string {
  return `2026-01-${String(number).padStart(2, '0')}T00:00:00Z`;
}

/** Whole numbers from 0 up to but not including `below`. */
export function seededNumbers(name: string): (below: number) => number {
  const random = seededRandom(name);
  return (below) => Buffer.from(random.bytes(4)).readUInt32BE() % below;
}

/**
 * Few beliefs with edges of all types, several between the same two, retired ones, and with validity and versions. Ids are
 * those of `first` and the following, edges theirs shuffled.
 */
export function randomTypedGraph(name: string, first = 0): TypedGraph {
  const below = seededNumbers(name);
  const count = 2 + below(9);
  const beliefs = Array.from({ length: count }, (_, index) => randomBelief(beliefId(first + index), below));
  const edges: GraphEdge[] = [];
  for (let left = below(3 * count); left > 0; left -= 1) {
    const [one, other] = [below(count), below(count)];
    const edge = randomEdge(
      beliefId(first * 1000 + ((left * 7919) % 997)),
      [one, other].toSorted((a, b) => a - b),
      below,
    );
    const same = (each: GraphEdge): boolean =>
      each.type === edge.type && each.source === edge.source && each.target === edge.target;
    if (one !== other && !edges.some((each) => each.id === edge.id || same(each))) edges.push(edge);
  }
  return { beliefs, edges };

  function randomEdge(id: string, [low, high]: readonly number[], number: typeof below): GraphEdge {
    const type = EDGE_TYPES[number(EDGE_TYPES.length)]!;
    // Only some types may point to a lower id: contradicts is folded, supersedes has no circles.
    const turned = (type === 'supports' || type === 'derives_from') && number(2) === 0;
    const [source, target] = turned ? [high, low] : [low, high];
    const created = 1 + number(4);
    const retired = number(4) === 0 ? created + 1 + number(4) : null;
    const ends = { source: beliefId(first + source!), target: beliefId(first + target!) };
    return { id, ...ends, type, weight: WEIGHTS[number(WEIGHTS.length)]!, created, retired, valid: randomSpan(number) };
  }
}

function randomBelief(id: string, below: (below: number) => number): GraphBelief {
  const recorded = [1 + below(2)];
  while (below(3) === 0) recorded.push(recorded.at(-1)! + 1 + below(2));
  const versions = recorded.map((from, index) => {
    return { recorded: from, replaced: recorded[index + 1] ?? null, valid: randomSpan(below) };
  });
  return { id, versions };
}

function randomSpan(below: (below: number) => number): Span {
  if (below(3) > 0) return { from: null, until: null };
  const from = below(2) === 0 ? null : 1 + below(6);
  return { from, until: below(2) === 0 ? null : (from ?? 2) + 1 + below(4) };
}

/** Past the triggers, which would stamp times and versions of their own. Needs a superuser. */
export async function storeTypedGraph(database: Database, { beliefs, edges }: TypedGraph): Promise<void> {
  await database.transaction({ mode: 'write' }, async (session) => {
    await session.execute('SET LOCAL session_replication_role = replica');
    for (const { id, versions } of beliefs) {
      const now = versions.at(-1)!;
      await sql`INSERT INTO valence.beliefs (id, content, version, valid_from, valid_until, created_at, updated_at)
        VALUES (${id}, ${`version ${versions.length}`}, ${versions.length}, ${time(now.valid.from)}, ${time(now.valid.until)},
          ${day(versions[0]!.recorded)}, ${day(now.recorded)})`.execute(session.kysely);
      for (const [index, was] of versions.slice(0, -1).entries()) {
        await sql`INSERT INTO valence.belief_versions (belief_id, version, content, confidence, domains, status, valid_from,
            valid_until, metadata, recorded_at, replaced_at)
          VALUES (${id}, ${index + 1}, ${`version ${index + 1}`}, 1, '{}', 'active', ${time(was.valid.from)},
            ${time(was.valid.until)}, '{}', ${day(was.recorded)}, ${time(was.replaced)})`.execute(session.kysely);
      }
    }
    for (const edge of edges) {
      await sql`INSERT INTO valence.belief_edges (id, source_id, target_id, type, weight, valid_from, valid_until, retired_at, created_at)
        VALUES (${edge.id}, ${edge.source}, ${edge.target}, ${edge.type}, ${edge.weight}, ${time(edge.valid.from)},
          ${time(edge.valid.until)}, ${time(edge.retired)}, ${day(edge.created)})`.execute(session.kysely);
    }
  });
}

function time(number: number | null): string | null {
  return number === null ? null : day(number);
}
