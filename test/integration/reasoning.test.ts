import { describe, expect, test } from 'vitest';
import { loadArrays } from '../../src/graph/arrays/load-arrays.ts';
import { beliefNumber } from '../../src/graph/arrays/graph-arrays.ts';
import { contradictions, withGrounds } from '../../src/graph/reasoning/contradictions.ts';
import { loadEvidence } from '../../src/graph/reasoning/evidence.ts';
import { lineage } from '../../src/graph/reasoning/lineage.ts';
import { removalOf } from '../../src/graph/reasoning/named-row.ts';
import { propagation } from '../../src/graph/reasoning/propagation.ts';
import { compareWithout, revise } from '../../src/graph/reasoning/revision.ts';
import { standingAt } from '../../src/graph/reasoning/standing.ts';
import type { Standing } from '../../src/graph/reasoning/standing.ts';
import { supersession } from '../../src/graph/reasoning/supersession.ts';
import { retireBelief } from '../../src/graph/records/beliefs.ts';
import { retireEdge } from '../../src/graph/records/edges.ts';
import { retireSource } from '../../src/graph/records/sources.ts';
import { parseTimestamp } from '../../src/graph/records/timestamp.ts';
import type { Session } from '../../src/schema/database.ts';
import { forEachEngine } from '../support/engines.ts';
import {
  countedEdges,
  holdsIn,
  isRetired,
  randomBlocks,
  statusIn,
  storeBlocks,
  yearText,
} from '../support/knowledge-blocks.ts';
import type { Block, BlockEdge } from '../support/knowledge-blocks.ts';
import { failure, fixedMoment } from '../support/sample-knowledge.ts';
import { ask } from '../support/budgeted-walk.ts';

const { clock } = fixedMoment();
const YEARS = [null, 3] as const;

const asOf = (year: number | null): string | undefined => (year === null ? undefined : yearText(year));

/** From each belief to which, by edges in one direction. */
type Next = (edge: BlockEdge) => readonly (readonly [near: number, far: number])[];

const restsOn: Next = ({ type, source, target }) =>
  type === 'derives_from' ? [[source, target]] : type === 'supports' ? [[target, source]] : [];
const restedOn: Next = (edge) => restsOn(edge).map(([near, far]) => [far, near]);
const superseded: Next = ({ type, source, target }) => (type === 'supersedes' ? [[source, target]] : []);
const superseding: Next = (edge) => superseded(edge).map(([near, far]) => [far, near]);

/** Fewest steps, by trying all pairs until nothing becomes shorter. */
function distances(root: number, edges: readonly BlockEdge[], next: Next): ReadonlyMap<number, number> {
  const hops = new Map([[root, 0]]);
  for (let changed = true; changed;) {
    changed = false;
    for (const [near, far] of edges.flatMap(next)) {
      const through = (hops.get(near) ?? Infinity) + 1;
      if (through >= (hops.get(far) ?? Infinity)) continue;
      hops.set(far, through);
      changed = true;
    }
  }
  return hops;
}

async function standingOf(session: Session, year: number | null): Promise<Standing> {
  const arrays = await loadArrays(session);
  return standingAt(arrays, await loadEvidence(session, arrays), year === null ? null : parseTimestamp(yearText(year)));
}

forEachEngine('reasoning over random bases', ({ openMigrated }) => {
  test('lineage finds what a search over all pairs finds, both ways and at a time', async () => {
    const database = await openMigrated();
    const blocks = randomBlocks(40, 1);
    await storeBlocks(database, blocks);
    for (const block of blocks) {
      for (const year of YEARS) {
        const edges = countedEdges(block, year);
        for (const [at, belief] of block.beliefs.entries()) {
          const dependents = at % 2 === 1;
          const options = { clock, dependents, as_of: asOf(year) };
          if (!holdsIn(belief, year)) {
            expect((await failure(ask(database, lineage, belief.id, options))).code).toBe('graph/not-found');
            continue;
          }
          const next = dependents ? restedOn : restsOn;
          const hops = distances(at, edges, next);
          const found = await ask(database, lineage, belief.id, options);
          expect(found.stopped).toBeNull();
          expect(found.beliefs.map((each) => [each.id, each.hops])).toEqual(
            [...hops]
              .toSorted(([a, far], [b, near]) => far - near || a - b)
              .map(([to, far]) => [block.beliefs[to]!.id, far]),
          );
          const steps = edges.flatMap((edge) =>
            next(edge)
              .filter(([near]) => hops.has(near))
              .map(([near, far]) => `${edge.id} ${block.beliefs[near]!.id} ${block.beliefs[far]!.id}`),
          );
          expect(new Set(found.steps.map(({ edge, from, to }) => `${edge.id} ${from} ${to}`))).toEqual(new Set(steps));
          expect(found.steps).toHaveLength(steps.length);
          const named = new Set([...hops.keys()].flatMap((to) => block.beliefs[to]!.sources));
          expect(found.sources.map((source) => Number(source.source_id)).toSorted((a, b) => a - b)).toEqual(
            dependents ? [] : [...named].toSorted((a, b) => a - b),
          );
        }
      }
    }
  });

  test('supersession finds all that is newer and older, and what is current', async () => {
    const database = await openMigrated();
    const blocks = randomBlocks(40, 2);
    await storeBlocks(database, blocks);
    for (const block of blocks) {
      for (const year of YEARS) {
        const edges = countedEdges(block, year);
        for (const [at, belief] of block.beliefs.entries()) {
          if (!holdsIn(belief, year)) continue;
          const found = await ask(database, supersession, belief.id, { clock, as_of: asOf(year) });
          const [newer, older] = [distances(at, edges, superseding), distances(at, edges, superseded)];
          const expected = [
            ...[...newer].map(([to, hops]) => ({ to, place: 0 - hops })),
            ...[...older].filter(([to]) => to !== at).map(([to, hops]) => ({ to, place: hops })),
          ].toSorted((a, b) => a.place - b.place || a.to - b.to);
          const isCurrent = (to: number): boolean =>
            !edges.some(({ type, target }) => type === 'supersedes' && target === to);
          expect(
            found.beliefs.map(({ id, relation, hops, current }) => [
              id,
              relation === 'newer' ? 0 - hops : hops,
              current,
            ]),
          ).toEqual(expected.map(({ to, place }) => [block.beliefs[to]!.id, place, isCurrent(to)]));
          const all = new Set([...newer.keys(), ...older.keys()]);
          expect(found.edges.map(({ id }) => id)).toEqual(
            edges
              .filter(({ type, source, target }) => type === 'supersedes' && all.has(source) && all.has(target))
              .map(({ id }) => id)
              .toSorted(),
          );
        }
      }
    }
  });

  test('contradictions are ranked by what is at stake, each with the grounds of both ends', async () => {
    const database = await openMigrated();
    const blocks = randomBlocks(150, 3);
    await storeBlocks(database, blocks);
    const arrays = await loadArrays(database);
    for (const year of YEARS) {
      for (const all of [false, true]) {
        const expected = blocks
          .flatMap((block) =>
            countedEdges(block, year)
              .filter(({ type }) => type === 'contradicts')
              .map((edge) => expectedContradiction(block, edge, year)),
          )
          .filter(({ open }) => all || open)
          .toSorted((a, b) => b.at_stake - a.at_stake || (a.id < b.id ? -1 : 1));
        const found = await contradictions(database, { limit: 1000, all, as_of: asOf(year) });
        expect(found.total).toBe(expected.length);
        const grounded = await withGrounds(database, arrays, found, clock);
        expect(
          grounded.contradictions.map(({ edge, at_stake, open, grounds }) => ({
            ...{ id: edge.id, at_stake: Math.round(at_stake * 1e6), open },
            found: grounds?.found,
            nearest: grounds?.nearest.map(({ belief, chains }) => [belief.id, chains[0].length + chains[1].length - 2]),
          })),
        ).toEqual(expected.map((each) => ({ ...each, at_stake: Math.round(each.at_stake * 1e6) })));
        const few = await contradictions(database, { limit: 3, all, as_of: asOf(year) });
        expect(few).toMatchObject({ total: expected.length, contradictions: found.contradictions.slice(0, 3) });
      }
    }
  });

  test('evidence and grounds are those of the rows, at a time too', async () => {
    const database = await openMigrated();
    const blocks = randomBlocks(150, 4);
    await storeBlocks(database, blocks);
    for (const year of YEARS) {
      const standing = await standingOf(database, year);
      const { grounded, strength } = revise(standing);
      for (const block of blocks) {
        const is = expectedGrounds(block, year);
        for (const [at, { id, sources }] of block.beliefs.entries()) {
          const number = beliefNumber(standing.arrays, id);
          expect(standing.evidence.named[number]).toBe(sources.length);
          expect(standing.evidence.trusted[number]).toBe(sources.filter((source) => !isRetired(source)).length);
          expect(standing.inUse[number]).toBe(isUsed(block, at, year) ? 1 : 0);
          expect(grounded[number]).toBe(is[at] ? 1 : 0);
          if (!isUsed(block, at, year)) expect(strength[number]).toBe(0);
        }
      }
    }
  });

  test('what is lost without a row is what is lost when it is retired', async () => {
    const database = await openMigrated();
    await storeBlocks(database, randomBlocks(60, 5));
    const middleOf = async (table: 'beliefs' | 'sources' | 'belief_edges'): Promise<string> => {
      const rows = await database.kysely.selectFrom(table).select('id').orderBy('id').execute();
      return rows[Math.floor(rows.length / 2)]!.id;
    };
    const retire = {
      belief: async (row: string) => retireBelief(database, row),
      source: async (row: string) => retireSource(database, row, clock),
      edge: async (row: string) => retireEdge(database, row, clock),
    } as const;
    const tables = { belief: 'beliefs', source: 'sources', edge: 'belief_edges' } as const;
    for (const kind of ['belief', 'source', 'edge'] as const) {
      const row = await middleOf(tables[kind]);
      const standing = await standingOf(database, null);
      const foretold = compareWithout(standing, await removalOf(database, standing.arrays, [{ kind, id: row }]));
      await retire[kind](row);
      const after = revise(await standingOf(database, null));
      expect(foretold.after).toEqual(after);
      // Once more takes nothing away.
      const again = await standingOf(database, null);
      const nothing = compareWithout(again, await removalOf(database, again.arrays, [{ kind, id: row }]));
      expect(nothing.losses).toEqual({ ungrounded: [], weakened: [] });
    }
  });

  test('propagation lists the greatest differences, and writes nothing', async () => {
    const database = await openMigrated();
    const blocks = randomBlocks(30, 6);
    await storeBlocks(database, blocks);
    const before = await database.kysely.selectFrom('beliefs').selectAll().orderBy('id').execute();
    const standing = await standingOf(database, null);
    const { strength, grounded } = revise(standing);
    const all = await propagation(database, standing, { limit: 10_000, all: true });
    expect(all.total).toBe(before.length);
    const differences = all.beliefs.map((belief) => Math.abs(belief.strength - Math.fround(belief.confidence)));
    expect(differences).toEqual(differences.toSorted((a, b) => b - a));
    for (const belief of all.beliefs) {
      const number = beliefNumber(standing.arrays, belief.id);
      expect([belief.strength, belief.grounded]).toEqual([strength[number], grounded[number] === 1]);
    }
    const used = await propagation(database, standing, { limit: 10_000 });
    expect(used.beliefs).toEqual(all.beliefs.filter(({ status }) => ['active', 'disputed'].includes(status)));
    expect(used.grounded + used.ungrounded).toBe(used.total);
    expect((await propagation(database, standing, { limit: 2 })).beliefs).toEqual(used.beliefs.slice(0, 2));
    expect((await propagation(database, standing, { domain: 'none' })).beliefs).toEqual([]);
    const year = await propagation(database, await standingOf(database, 3), {
      limit: 10_000,
      all: true,
      as_of: asOf(3),
    });
    expect(year.total).toBe(blocks.flatMap(({ beliefs }) => beliefs).filter((belief) => holdsIn(belief, 3)).length);
    expect(await database.kysely.selectFrom('beliefs').selectAll().orderBy('id').execute()).toEqual(before);
  });
});

describe('an expectation', () => {
  test('covers what the random bases are to show', () => {
    const blocks = [1, 2, 3, 4, 5].flatMap((seed) => randomBlocks(40, seed));
    const edges = blocks.flatMap((block) => countedEdges(block, 3));
    expect(new Set(edges.map(({ type }) => type)).size).toBe(4);
    const grounds = blocks.flatMap((block) => expectedGrounds(block, null));
    expect(grounds.filter(Boolean).length).toBeGreaterThan(100);
    expect(grounds.filter((is) => !is).length).toBeGreaterThan(100);
  });
});

function isUsed(block: Block, at: number, year: number | null): boolean {
  return ['active', 'disputed'].includes(statusIn(block, at)) && holdsIn(block.beliefs[at]!, year);
}

function expectedGrounds(block: Block, year: number | null): readonly boolean[] {
  const derivations = countedEdges(block, year).filter(({ type }) => type === 'derives_from');
  const is = block.beliefs.map(({ sources }, at) => {
    const isStated = sources.length === 0 && !derivations.some(({ source }) => source === at);
    return isUsed(block, at, year) && (isStated || sources.some((source) => !isRetired(source)));
  });
  for (let changed = true; changed;) {
    changed = false;
    for (const { source, target, weight } of derivations) {
      if (!is[target] || weight === 0 || is[source] || !isUsed(block, source, year)) continue;
      is[source] = changed = true;
    }
  }
  return is;
}

function expectedContradiction(
  block: Block,
  { id, source, target, weight }: BlockEdge,
  year: number | null,
): { id: string; at_stake: number; open: boolean; found: number; nearest: readonly (readonly [string, number])[] } {
  const edges = countedEdges(block, year);
  const [left, right] = [distances(source, edges, restsOn), distances(target, edges, restsOn)];
  const shared = [...left.keys()]
    .filter((at) => right.has(at))
    .map((at) => [at, left.get(at)! + right.get(at)!] as const);
  return {
    id,
    at_stake: weight * Math.min(block.beliefs[source]!.confidence, block.beliefs[target]!.confidence),
    open: [source, target].every((end) => ['active', 'disputed'].includes(statusIn(block, end))),
    found: shared.length,
    nearest: shared
      .toSorted(([a, far], [b, near]) => far - near || a - b)
      .slice(0, 5)
      .map(([at, far]) => [block.beliefs[at]!.id, far]),
  };
}
