import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { parse } from 'yaml';

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

interface Service {
  readonly image: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly ports: readonly string[];
  readonly volumes: readonly string[];
  readonly healthcheck: { readonly test: readonly string[] };
}

const compose = parse(await readFile(new URL('../../docker-compose.yml', import.meta.url), 'utf8')) as Compose;

it('has one service: Postgres 17 with pgvector', () => {
  expect(Object.keys(compose.services)).toEqual(['postgres']);
  expect(compose.services['postgres']?.image).toBe('pgvector/pgvector:pg17');
});

it('listens on the loopback address only', () => {
  expect(compose.services['postgres']?.ports).toEqual(['127.0.0.1:${VALENCE_POSTGRES_PORT:-5432}:5432']);
});

it('has no password of its own and does not start without one', () => {
  const { POSTGRES_PASSWORD: password, ...rest } = compose.services['postgres']?.environment ?? {};
  expect(password).toMatch(/^\$\{VALENCE_POSTGRES_PASSWORD:\?[^}]+\}$/);
  expect(Object.keys(rest)).not.toContain('POSTGRES_HOST_AUTH_METHOD');
});

it('keeps its data in a named volume and says when it is ready', () => {
  const [volume] = compose.services['postgres']?.volumes ?? [];
  expect(volume).toBe('postgres-data:/var/lib/postgresql/data');
  expect(Object.keys(compose.volumes)).toEqual(['postgres-data']);
  expect(compose.services['postgres']?.healthcheck.test.slice(0, 2)).toEqual(['CMD', 'pg_isready']);
});
