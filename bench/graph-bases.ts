import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import type { Valence, fileInput as FileInput } from '../src/index.ts';
import { onServer } from '../test/support/postgres.ts';

/** The bases that graph queries and search are measured on. */

/** beliefs.jsonl.gz and edges.jsonl.gz: the slice that the project carries, or the whole of WordNet where this names its folder. */
export const WORDNET: string = process.env['VALENCE_WORDNET'] ?? join(import.meta.dirname, '..', 'examples', 'wordnet');

/** Persons of LDBC SNB at scale factor 1. */
export const PERSONS = 10_000;
/** Acquaintances a person, both ways. */
const KNOWN_EACH = 36;

export async function importWordNet(valence: Valence, fileInput: typeof FileInput): Promise<void> {
  await valence.import([fileInput(join(WORDNET, 'beliefs.jsonl.gz')), fileInput(join(WORDNET, 'edges.jsonl.gz'))]);
}

/** Id and content of each belief of WordNet. */
export async function* wordNetBeliefs(): AsyncGenerator<{ readonly id: string; readonly content: string }> {
  const lines = createInterface({
    input: createReadStream(join(WORDNET, 'beliefs.jsonl.gz')).pipe(createGunzip()),
    crlfDelay: Number.POSITIVE_INFINITY,
  });
  for await (const line of lines) yield JSON.parse(line) as { id: string; content: string };
}

/**
 * As many beliefs and edges as LDBC SNB SF1 has persons and acquaintances, with skewed degrees: the greatest is some fifty
 * times the mean. Seeded; ids say nothing of degrees.
 */
export async function fillSocialGraph(url: string, persons: number): Promise<void> {
  const known = persons * KNOWN_EACH;
  await onServer(
    url,
    `SET search_path = valence, public; SELECT setseed(0.42);
    INSERT INTO beliefs (id, content, confidence)
      SELECT md5('person ' || n)::uuid, 'person ' || n, 0.5 + n % 50 / 100.0 FROM generate_series(0, ${persons - 1}) n;
    CREATE TEMP TABLE drawn AS
      SELECT row_number() OVER () AS n, floor(${persons} * power(random(), 2.5))::int AS a,
             floor(${persons} * power(random(), 1.5))::int AS b, random() AS weight
      FROM generate_series(1, ${known * 2});
    INSERT INTO belief_edges (id, source_id, target_id, type, weight)
      SELECT md5('edge ' || n)::uuid, md5('person ' || a)::uuid, md5('person ' || b)::uuid,
             CASE WHEN n % 3 = 0 THEN 'derives_from' ELSE 'supports' END, (0.05 + 0.95 * weight)::real
      FROM (SELECT DISTINCT ON (a, b) * FROM drawn WHERE a <> b ORDER BY a, b, n) AS pairs ORDER BY n LIMIT ${known};`,
  );
  await onServer(url, 'VACUUM ANALYZE');
}
