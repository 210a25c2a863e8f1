import fc from 'fast-check';
import type { EdgeType } from '../../src/graph/records/vocabulary.ts';
import { EDGE_TYPES } from '../../src/graph/records/vocabulary.ts';
import type { Database } from '../../src/schema/database.ts';
import { beliefId, importLines } from './sample-knowledge.ts';

/** Many small random knowledge bases beside each other in one database, so that one is not made for each. */

/** Years in 2000 from the first up to but not at the second; `null` is open. */
export interface Span {
  readonly from: number | null;
  readonly until: number | null;
}

export interface BlockBelief extends Span {
  readonly id: string;
  readonly confidence: number;
  readonly status: 'active' | 'disputed' | 'archived';
  readonly sources: readonly number[];
}

export interface BlockEdge extends Span {
  readonly id: string;
  /** Places in the beliefs of the block. */
  readonly source: number;
  readonly target: number;
  readonly type: EdgeType;
  readonly weight: number;
  readonly retired: boolean;
}

export interface Block {
  readonly beliefs: readonly BlockBelief[];
  readonly edges: readonly BlockEdge[];
}

const LEVELS = [0, 0.125, 0.3, 0.5, 0.75, 0.9, 1];
/** Sources of a block; the last two are retired. */
const SOURCES = 4;

const span: fc.Arbitrary<Span> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ from: null, until: null }) },
  fc
    .record({ from: fc.integer({ min: 1, max: 5 }), length: fc.integer({ min: 1, max: 4 }), open: fc.nat(2) })
    .map(({ from, length, open }) => ({ from: open === 1 ? null : from, until: open === 2 ? null : from + length })),
);

const shape = fc.integer({ min: 2, max: 8 }).chain((count) =>
  fc.record({
    beliefs: fc.array(
      fc.record({
        span,
        confidence: fc.constantFrom(...LEVELS),
        status: fc.constantFrom('active', 'active', 'active', 'disputed', 'archived'),
        sources: fc.subarray(
          Array.from({ length: SOURCES }, (_, at) => at),
          { maxLength: 2 },
        ),
      }),
      { minLength: count, maxLength: count },
    ),
    edges: fc.array(
      fc.record({
        span,
        source: fc.nat(count - 1),
        target: fc.nat(count - 1),
        type: fc.constantFrom(...EDGE_TYPES, 'supports', 'derives_from'),
        weight: fc.constantFrom(...LEVELS),
        retired: fc.constantFrom(false, false, false, false, true),
      }),
      { maxLength: 20 },
    ),
  }),
);

/** The same for the same seed. */
export function randomBlocks(count: number, seed: number): readonly Block[] {
  return fc.sample(shape, { numRuns: count, seed }).map((block, number): Block => {
    const first = number * 100;
    const seen = new Set<string>();
    return {
      beliefs: block.beliefs.map(({ span: valid, ...belief }, at) => ({
        ...belief,
        ...valid,
        id: beliefId(first + at),
        sources: belief.sources.map((source) => first + source),
      })),
      edges: block.edges.flatMap(({ span: valid, ...edge }, at): readonly BlockEdge[] => {
        if (edge.source === edge.target) return [];
        // Supersession leads from greater to lesser, so that it is no circle; contradictions are stored from lesser to greater.
        const turned =
          edge.type === 'supersedes'
            ? edge.source < edge.target
            : edge.type === 'contradicts' && edge.source > edge.target;
        const [source, target] = turned ? [edge.target, edge.source] : [edge.source, edge.target];
        const key = `${source} ${edge.type} ${target}`;
        if (seen.has(key)) return [];
        seen.add(key);
        return [{ ...edge, ...valid, source, target, id: beliefId(900_000_000 + first + at) }];
      }),
    };
  });
}

export function yearText(year: number): string {
  return `${2000 + year}-01-01T00:00:00Z`;
}

export async function storeBlocks(database: Database, blocks: readonly Block[]): Promise<void> {
  const lines = blocks.flatMap(({ beliefs, edges }): object[] => [
    ...beliefs.map(({ sources, from, until, ...belief }) => ({
      ...belief,
      ...validity({ from, until }),
      content: `belief ${belief.id}`,
      provenance: sources.map((source) => ({ source_type: 'block', source_id: String(source) })),
    })),
    ...edges.map(({ id, source, target, type, weight, retired, ...valid }) => ({
      ...{ id, type, weight, source: beliefs[source]!.id, target: beliefs[target]!.id, ...validity(valid) },
      ...(retired && { retired_at: '2026-01-01T00:00:00Z' }),
    })),
  ]);
  await importLines(database, lines);
  await database.execute(
    `UPDATE valence.sources SET retired_at = now() WHERE type = 'block' AND external_id::int % 100 >= ${SOURCES - 2}`,
  );
}

/** Whether a source of a block is retired. */
export function isRetired(source: number): boolean {
  return source % 100 >= SOURCES - 2;
}

export function holdsIn({ from, until }: Span, year: number | null): boolean {
  return year === null || ((from === null || from <= year) && (until === null || year < until));
}

/** The edges of a block that count at a time. */
export function countedEdges({ beliefs, edges }: Block, year: number | null): readonly BlockEdge[] {
  return edges.filter(
    (edge) => !edge.retired && [edge, beliefs[edge.source]!, beliefs[edge.target]!].every((row) => holdsIn(row, year)),
  );
}

/** What a belief became when it was stored: a live edge supersedes what was active. */
export function statusIn({ beliefs, edges }: Block, at: number): string {
  const { status } = beliefs[at]!;
  const superseded = edges.some(({ type, target, retired }) => type === 'supersedes' && target === at && !retired);
  return superseded && status === 'active' ? 'superseded' : status;
}

function validity({ from, until }: Span): object {
  return {
    ...(from !== null && { valid_from: yearText(from) }),
    ...(until !== null && { valid_until: yearText(until) }),
  };
}
