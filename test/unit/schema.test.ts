import { expect, test } from 'vitest';
import { ValenceError } from '../../src/core/errors.ts';
import { isoTimestamp } from '../../src/schema/column-types.ts';
import { databaseError, sqlstateOf } from '../../src/schema/database-error.ts';
import { readMigrations } from '../../src/schema/migrations.ts';
import { nextMigration } from '../../src/schema/migrator.ts';
import { postgresLocation } from '../../src/schema/postgres-connection.ts';
import { indexedType, vectorIndexName } from '../../src/schema/vector-index.ts';
import { formatVector, parseVector } from '../../src/schema/vector-text.ts';

test('timestamps become ISO 8601 and keep what has no such form', () => {
  expect(isoTimestamp('2026-01-02 03:04:05.000006+00')).toBe('2026-01-02T03:04:05.000006Z');
  expect(isoTimestamp('2026-01-02 03:04:05+00')).toBe('2026-01-02T03:04:05Z');
  for (const text of ['infinity', '0044-03-15 00:00:00+00 BC', '10000-01-01 00:00:00+00', '2026-01-02 03:04:05+02']) {
    expect(isoTimestamp(text)).toBe(text);
  }
});

test('vectors go to text and back', () => {
  expect(formatVector(new Float32Array([1, -0.5, 1e-45]))).toBe('[1,-0.5,1.401298464324817e-45]');
  expect(parseVector('[1,-0.5,1e-45]')).toEqual([1, -0.5, 1e-45]);
  for (const text of ['', '[]', '[1,]', '1,2', '[a]', '[NaN]'])
    expect(() => parseVector(text)).toThrow('not the text of a vector');
});

test('an index is named after its model and typed by its dimensions', () => {
  expect(vectorIndexName('ABCDEF01-0000-7000-8000-000000000001')).toBe(
    'belief_embeddings_hnsw_abcdef01000070008000000000000001',
  );
  expect(() => vectorIndexName("'; DROP")).toThrow('UUID');
  expect([2000, 2001, 4000, 4001].map((dimensions) => indexedType(dimensions)?.type)).toEqual([
    'vector(2000)',
    'halfvec(2001)',
    'halfvec(4000)',
    undefined,
  ]);
});

test('a location shows where a URL leads, never the password', () => {
  const locations = {
    'postgres://anna:s3cret@db.example:6543/my%20notes?sslmode=disable': 'postgres://anna@db.example:6543/my%20notes',
    'postgresql://anna@[::1]/notes?password=s3cret': 'postgres://anna@[::1]:5432/notes',
    'postgres://anna:s3cret@/notes?host=/run/postgresql': 'postgres://anna@/notes?host=/run/postgresql&port=5432',
  };
  for (const [url, location] of Object.entries(locations)) expect(postgresLocation(url).url).toBe(location);
});

test('what is no database URL is refused without repeating it', () => {
  for (const url of [
    '',
    'notes',
    'mysql://anna:s3cret@host/notes',
    'postgres://anna:s3cret@host:port/notes',
    'postgres://anna:s3cret@host:99999/notes',
  ]) {
    expect(() => postgresLocation(url)).toThrow(expect.objectContaining({ code: 'config/invalid' }) as Error);
    expect(() => postgresLocation(url)).not.toThrow(/s3/);
  }
});

test('errors of a driver are translated once', () => {
  const refused = Object.assign(new Error('null value'), { code: '23502', severity: 'ERROR', table: 'beliefs' });
  const failed = databaseError(refused, 'database "notes"');
  expect(failed).toMatchObject({
    code: 'database/failed',
    context: { sqlstate: '23502', table: 'beliefs' },
    cause: refused,
  });
  expect(sqlstateOf(failed)).toBe('23502');
  expect(databaseError(failed, 'elsewhere')).toBe(failed);
  for (const code of ['08006', '28P01', '3D000', '53300', '57P01']) {
    const error = Object.assign(new Error('gone'), { code, severity: 'FATAL' });
    expect(databaseError(error, 'it').code).toBe('database/unavailable');
  }
  for (const error of [
    Object.assign(new Error(''), { code: 'ECONNREFUSED' }),
    new Error('Connection terminated unexpectedly'),
  ]) {
    expect(databaseError(error, 'it').code).toBe('database/unavailable');
  }
  expect(databaseError(new TypeError('x is not a function'), 'it').code).toBe('database/failed');
  expect(sqlstateOf(new ValenceError('usage/invalid', 'no'))).toBeNull();
});

test('the shipped migrations are numbered from 1 and applied in order', async () => {
  const ours = await readMigrations();
  expect(ours.map(({ number, name }) => `${number} ${name}`)).toEqual([
    '1 substrate',
    '2 catalog',
    '3 change_log',
    '4 catalog_trees',
    '5 stale_embeddings',
    '6 projections',
  ]);
  expect(nextMigration(ours, [])).toBe(ours[0]);
  expect(nextMigration(ours, ours.slice(0, 1))).toBe(ours[1]);
  expect(nextMigration(ours, ours)).toBeNull();
});
