import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { parse } from 'yaml';

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

interface Service {
  readonly image: string;
  readonly profiles?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly ports: readonly string[];
  readonly volumes: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
}

const compose = parse(await readFile(new URL('../../docker-compose.yml', import.meta.url), 'utf8')) as Compose;

it('has Postgres 17 with pgvector, and places to store for those who ask for them', () => {
  expect(compose.services['postgres']?.image).toBe('pgvector/pgvector:pg17');
  const asked = Object.entries(compose.services).map(([name, { profiles }]) => [name, profiles]);
  expect(asked).toEqual([
    ['postgres', undefined],
    ['s3', ['stores']],
    ['ipfs', ['stores']],
    ['sftp', ['stores']],
  ]);
});

it('listens on the loopback address only', () => {
  const ports = Object.values(compose.services).flatMap((service) => service.ports);
  expect(ports.length).toBe(4);
  for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\$\{VALENCE_[A-Z0-9]+_PORT:-\d+\}:\d+$/);
});

it('keeps every volume that it names', () => {
  const named = Object.values(compose.services).flatMap(({ volumes }) =>
    volumes.map((volume) => volume.split(':')[0]!),
  );
  expect(named.filter((name) => /^[a-z0-9-]+$/.test(name)).toSorted()).toEqual(Object.keys(compose.volumes).toSorted());
});

it('has no password of its own and does not start without one', () => {
  const { POSTGRES_PASSWORD: password, ...rest } = compose.services['postgres']?.environment ?? {};
  expect(password).toMatch(/^\$\{VALENCE_POSTGRES_PASSWORD:\?[^}]+\}$/);
  expect(Object.keys(rest)).not.toContain('POSTGRES_HOST_AUTH_METHOD');
});

it('keeps its data in a named volume and says when it is ready', () => {
  const [volume] = compose.services['postgres']?.volumes ?? [];
  expect(volume).toBe('postgres-data:/var/lib/postgresql/data');
  expect(compose.services['postgres']?.healthcheck?.test.slice(0, 2)).toEqual(['CMD', 'pg_isready']);
});
