import { onServer } from '../test/support/postgres.ts';
import { rowsOf, withClient } from './rows.ts';

/** The knowledge base that is measured: beliefs of some 25 words, an embedding each, three edges each. Seeded. */
export const DIMENSIONS = 384;
export const EDGES_A_BELIEF = 3;

const WORDS =
  'knowledge is what remains when the house the disk and the provider are gone and any five places of seven still agree on what was once believed by someone who wrote it down with a reason a source and a measure of doubt';
/** SQL: gives belief $1 another confidence, whatever it was. */
export const CHANGE_CONFIDENCE =
  'UPDATE valence.beliefs SET confidence = confidence + CASE WHEN confidence < 0.5 THEN 0.5 ELSE -0.5 END WHERE id = $1';
const MODEL = '00000000-0000-7000-8000-000000000001';

/** Beliefs numbered from 1 in an empty database. */
export async function fillDatabase(url: string, beliefs: number): Promise<void> {
  await onServer(
    url,
    `INSERT INTO valence.models (id, name, dimensions) VALUES ('${MODEL}', 'noise-${DIMENSIONS}', ${DIMENSIONS});`,
  );
  await insertBeliefs(url, 1, beliefs);
  await onServer(url, 'VACUUM ANALYZE');
}

/** So many beliefs more, as they are added in the course of time: theirs are the highest ids; their edges lead anywhere. */
export async function appendBeliefs(url: string, count: number): Promise<void> {
  const last = await lastNumber(url);
  await insertBeliefs(url, last + 1, last + count);
}

/** Gives so many beliefs, anywhere, another confidence, each in a transaction of its own. */
export async function changeConfidences(url: string, count: number): Promise<void> {
  await withClient(url, async (client) => {
    const chosen = await client.query<{ id: string }>('SELECT id FROM valence.beliefs ORDER BY random() LIMIT $1', [
      count,
    ]);
    for (const { id } of chosen.rows) await client.query(CHANGE_CONFIDENCE, [id]);
  });
}

/** SQL: beliefs numbered `from` to `to`, as rows of `id, content, confidence, domains, metadata`. Call `setseed` before. */
export function beliefRows(from: number, to: number): string {
  return `SELECT ${idOf('n')},
      (SELECT string_agg(words[1 + floor(random() * cardinality(words))::int + 0 * g], ' ') FROM generate_series(1, 25 + n % 3) g),
      round(random()::numeric, 3)::real, ARRAY['bench', 'domain-' || n % 50], jsonb_build_object('n', n)
    FROM generate_series(${from}, ${to}) n, (SELECT string_to_array('${WORDS}', ' ') AS words) w`;
}

/** SQL: id of the belief of a number. Ids ascend with it, as UUIDv7 do. */
function idOf(number: string): string {
  return `(lpad(to_hex(1760000000000 + ${number}), 12, '0') || '7' || substr(md5(${number}::text), 1, 3) || '8' || substr(md5(${number}::text), 4, 15))::uuid`;
}

/** Vectors are uniform noise, which no compressor shrinks. */
function insertBeliefs(url: string, from: number, to: number): Promise<void> {
  return onServer(
    url,
    `SET search_path = valence, public; SELECT setseed(${0.42 / from});
    INSERT INTO beliefs (id, content, confidence, domains, metadata) ${beliefRows(from, to)};
    INSERT INTO belief_embeddings (belief_id, model_id, embedding)
      SELECT ${idOf('n')}, '${MODEL}',
        (SELECT array_agg(random()::real - 0.5 + 0 * g + 0 * n) FROM generate_series(1, ${DIMENSIONS}) g)::vector
      FROM generate_series(${from}, ${to}) n;
    INSERT INTO belief_edges (id, source_id, target_id, type, weight)
      SELECT gen_random_uuid(), ${idOf('a')}, ${idOf('b')}, (ARRAY['supports', 'derives_from'])[1 + e % 2], 0.5
      FROM generate_series(${from}, ${to}) a, generate_series(1, ${EDGES_A_BELIEF}) e,
        LATERAL (SELECT 1 + (a::bigint * 7919 + e * 104729) % ${to} AS b) t
      WHERE a <> b
      ON CONFLICT DO NOTHING;`,
  );
}

async function lastNumber(url: string): Promise<number> {
  const [last] = await rowsOf<{ n: number }>(
    url,
    `SELECT (metadata->>'n')::int AS n FROM valence.beliefs ORDER BY id DESC LIMIT 1`,
  );
  return last!.n;
}
