import type { Session } from '../../src/schema/database.ts';
import type { EdgeType } from '../../src/schema/tables.ts';

/** A UUID that sorts by its number. */
export function testId(number: number): string {
  return `00000000-0000-7000-8000-${number.toString(16).padStart(12, '0')}`;
}

/** Inserts active beliefs of these numbers. */
export async function addBeliefs(session: Session, ...numbers: readonly number[]): Promise<void> {
  const rows = numbers.map((number) => ({ id: testId(number), content: `belief ${number}` }));
  await session.kysely.insertInto('beliefs').values(rows).execute();
}

/** Inserts a live edge between two beliefs, its id made from all three, and returns it. */
export async function addEdge(
  session: Session,
  source: number,
  target: number,
  type: EdgeType = 'supports',
): Promise<string> {
  const id = testId(0x1000000 + source * 0x10000 + target * 4 + EDGE_TYPES.indexOf(type));
  await session.kysely
    .insertInto('belief_edges')
    .values({ id, source_id: testId(source), target_id: testId(target), type })
    .execute();
  return id;
}

const EDGE_TYPES: readonly EdgeType[] = ['supports', 'contradicts', 'supersedes', 'derives_from'];
