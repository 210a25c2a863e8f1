import { onServer } from '../test/support/postgres.ts';

/** The knowledge base that is measured: beliefs of some 25 words, an embedding each, three edges each. Seeded. */
export const DIMENSIONS = 384;
export const EDGES_A_BELIEF = 3;

const WORDS =
  'knowledge is what remains when the house the disk and the provider are gone and any five places of seven still agree on what was once believed by someone who wrote it down with a reason a source and a measure of doubt';

/** Ids ascend as UUIDv7 does; vectors are uniform noise, which no compressor shrinks. */
export async function fillDatabase(url: string, beliefs: number): Promise<void> {
  await onServer(
    url,
    `SET search_path = valence, public; SELECT setseed(0.42);
    INSERT INTO beliefs (id, content, confidence, domains, metadata)
      SELECT (lpad(to_hex(1760000000000 + n), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid,
        (SELECT string_agg(words[1 + floor(random() * cardinality(words))::int + 0 * g], ' ') FROM generate_series(1, 25 + n % 3) g),
        round(random()::numeric, 3), ARRAY['bench', 'domain-' || n % 50], jsonb_build_object('n', n)
      FROM generate_series(1, ${beliefs}) n, (SELECT string_to_array('${WORDS}', ' ') AS words) w;
    INSERT INTO models (id, name, dimensions) VALUES ('00000000-0000-7000-8000-000000000001', 'noise-${DIMENSIONS}', ${DIMENSIONS});
    INSERT INTO belief_embeddings (belief_id, model_id, embedding)
      SELECT b.id, '00000000-0000-7000-8000-000000000001',
        (SELECT array_agg(random()::real - 0.5 + 0 * g + 0 * length(b.content)) FROM generate_series(1, ${DIMENSIONS}) g)::vector
      FROM beliefs b;
    CREATE TEMP TABLE numbered AS SELECT row_number() OVER (ORDER BY id) AS n, id FROM beliefs;
    CREATE INDEX ON numbered (n);
    ANALYZE numbered;
    INSERT INTO belief_edges (id, source_id, target_id, type, weight)
      SELECT gen_random_uuid(), a.id, b.id, (ARRAY['supports', 'derives_from'])[1 + e % 2], 0.5
      FROM numbered a CROSS JOIN generate_series(1, ${EDGES_A_BELIEF}) e
      JOIN numbered b ON b.n = 1 + (a.n * 7919 + e * 104729) % ${beliefs} AND b.id <> a.id
      ON CONFLICT DO NOTHING;`,
  );
  await onServer(url, 'VACUUM ANALYZE');
}
