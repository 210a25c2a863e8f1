import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { beginBulkLoad } from '../../src/graph/snapshot/bulk-load.ts';
import type { Database } from '../../src/schema/database.ts';
import {
  buildTextIndex,
  hasTextIndex,
  lacksTextIndex,
  requireLanguage,
  SEARCHED_CHARACTERS,
  textIndexName,
  wordsOf,
} from '../../src/schema/text-index.ts';
import { forEachEngine, testEngine } from '../support/engines.ts';
import { beliefId } from '../support/sample-knowledge.ts';

async function add(database: Database, number: number, content: string): Promise<void> {
  await database.kysely
    .insertInto('beliefs')
    .values({ id: beliefId(number), content })
    .execute();
}

/** The number-th letter of four bytes that is a word by itself: from the CJK extension B, of which there are 42,000. */
const letter = (number: number): string => String.fromCodePoint(0x20000 + (number % 42_000));

function pieces(characters: number, piece: (number: number) => string): string {
  const list: string[] = [];
  for (let length = 0; length < characters; length += [...list.at(-1)!].length) list.push(piece(list.length));
  return list.join('');
}

function pairs(characters: number): string {
  return pieces(characters, (n) => `${letter(n)}${letter(n >> 7)}-${letter(n + 9)}${letter(n >> 5)} `);
}

/** Texts whose words take the most room for their length, each longer than what is searched. */
const WORST: readonly (readonly [name: string, text: string])[] = [
  ['letters of four bytes alone', pieces(110_000, (n) => `${letter(n)} `)],
  [
    'pairs of long words with a hyphen',
    pieces(110_000, (n) => `${letter(n)}${'𠀀'.repeat(253)}-${letter(n + 1)}${'𠀁'.repeat(253)} `),
  ],
  ['pairs of short words with a hyphen', pairs(110_000)],
  [
    'long chains of hyphens',
    pieces(110_000, (n) => Array.from({ length: 200 }, (_, i) => letter(n * 200 + i)).join('-') + ' '),
  ],
  ['URLs', pieces(110_000, (n) => `a${n}.b/c${n} `)],
  ['letters that are longer in lower case', pieces(110_000, (n) => `${'Ⱥ'.repeat(5)}${n}-${'Ⱥ'.repeat(5)}${n + 1} `)],
  ['numbers', pieces(110_000, (n) => `${n} `)],
  ['one word of 16 MiB', 'x'.repeat(16 * 1024 * 1024)],
];

forEachEngine('text indexes', ({ openMigrated }) => {
  test('take every belief there can be', { timeout: 300_000 }, async () => {
    const database = await openMigrated();
    let number = 0;
    for (const language of ['simple', 'english']) expect(await buildTextIndex(database, language)).toBe('built');
    for (const [name, text] of WORST) {
      await add(database, (number += 1), text);
      const { rows } = await sql<{ bytes: number }>`
        SELECT pg_column_size(words) - 8 - 4 * length(words) AS bytes
        FROM (SELECT ${wordsOf('content', 'simple')} AS words FROM beliefs WHERE id = ${beliefId(number)}::uuid) AS text`.execute(
        database.kysely,
      );
      // Lexemes with their positions, without header and entries, are what the limit of 1 MiB is on.
      expect(rows[0]!.bytes, name).toBeLessThanOrEqual(8 * SEARCHED_CHARACTERS);
    }
    // Where all of it is taken there is a limit, so these are the texts to try.
    const longer = pairs(200_000);
    await expect(sql`SELECT to_tsvector('simple', ${longer})`.execute(database.kysely)).rejects.toThrow('too long');
    expect(await buildTextIndex(database, 'german')).toBe('built');
  });

  test('are built once there is much text, and for each language', async () => {
    const database = await openMigrated();
    await add(database, 1, 'a few words');
    expect(await lacksTextIndex(database, 'english')).toBe(false);
    await sql`INSERT INTO beliefs (id, content)
      SELECT gen_random_uuid(), repeat('word' || n || ' ', 200) FROM generate_series(1, 2000) AS n`.execute(
      database.kysely,
    );
    expect(await lacksTextIndex(database, 'english')).toBe(true);
    expect(await lacksTextIndex(database, 'klingon')).toBe(false);
    expect(await hasTextIndex(database, 'english')).toBe(false);
    expect(await buildTextIndex(database, 'english')).toBe('built');
    expect(await buildTextIndex(database, 'english')).toBe('present');
    expect(await lacksTextIndex(database, 'english')).toBe(false);
    expect(await lacksTextIndex(database, 'simple')).toBe(true);
  });

  test('that cover another length of text are built anew', async () => {
    const database = await openMigrated();
    await database.execute(
      `CREATE INDEX beliefs_text_english ON valence.beliefs USING gin (to_tsvector('english', left(content, 50)))`,
    );
    expect(await hasTextIndex(database, 'english')).toBe(false);
    expect(await buildTextIndex(database, 'english')).toBe('built');
    expect(await hasTextIndex(database, 'english')).toBe(true);
  });

  test('come back as they were after a bulk load', async () => {
    const database = await openMigrated();
    await buildTextIndex(database, 'english');
    await database.transaction({}, async (session) => {
      const load = await beginBulkLoad(session);
      expect(await hasTextIndex(session, 'english')).toBe(false);
      await load.restore();
    });
    expect(await hasTextIndex(database, 'english')).toBe(true);
  });

  test('are refused for a language that is unknown, with the nearest that is known', async () => {
    const database = await openMigrated();
    await requireLanguage(database, 'simple');
    await expect(requireLanguage(database, 'englsh')).rejects.toMatchObject({
      code: 'config/invalid',
      hint: 'did you mean english?',
    });
    await expect(requireLanguage(database, 'klingon')).rejects.toMatchObject({
      hint: expect.stringContaining('german'),
    });
  });
});

describe('text indexes on a server', () => {
  const { openMigrated } = testEngine('postgres');

  /** Leaves what an interrupted build leaves. */
  async function interrupt(database: Database): Promise<void> {
    for (const number of [1, 2]) await add(database, number, 'same');
    const duplicate = `CREATE UNIQUE INDEX CONCURRENTLY ${textIndexName('english')} ON beliefs (content)`;
    await expect(database.connection((session) => session.execute(duplicate))).rejects.toThrow('unique index');
  }

  test('are built again after an interruption', async () => {
    const database = await openMigrated();
    await interrupt(database);
    expect(await hasTextIndex(database, 'english')).toBe(false);
    expect(await buildTextIndex(database, 'english')).toBe('built');
    expect(await hasTextIndex(database, 'english')).toBe(true);
  });

  test('of which a part is there do not stop a bulk load', async () => {
    const database = await openMigrated();
    await interrupt(database);
    await database.transaction({}, async (session) => (await beginBulkLoad(session)).restore());
    const { rows } = await sql`SELECT to_regclass('valence.beliefs_text_english') AS name`.execute(database.kysely);
    expect(rows).toEqual([{ name: null }]);
  });
});
