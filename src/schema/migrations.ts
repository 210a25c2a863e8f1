import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { invariant } from '../core/errors.ts';

/** The package's migrations/, the same from src/schema in development and from dist/schema when packed. */
export const MIGRATIONS_FOLDER: string = join(import.meta.dirname, '..', '..', 'migrations');

/** One file `NNNN_name.sql`: plain SQL for both engines, never changed after its release. */
export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
  /** SHA-256 of the text with line feeds only, so that a checkout with other line ends is the same migration. */
  readonly digest: Uint8Array;
}

const FILE_NAME = /^(\d{4})_([a-z0-9_]+)\.sql$/;

/** Every migration of a folder in order; their numbers count from 1 without holes. */
export async function readMigrations(folder: string = MIGRATIONS_FOLDER): Promise<readonly Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
  const migrations = await Promise.all(names.map((name) => readMigration(folder, name)));
  for (const [index, { number }] of migrations.entries()) {
    invariant(number === index + 1, `migration ${index + 1} is missing, or its number is used twice`);
  }
  return migrations;
}

async function readMigration(folder: string, file: string): Promise<Migration> {
  const match = FILE_NAME.exec(file);
  invariant(match?.[1] !== undefined && match[2] !== undefined, `a migration is not called NNNN_name.sql: ${file}`);
  const sql = (await readFile(join(folder, file), 'utf8')).replaceAll('\r\n', '\n');
  return { number: Number(match[1]), name: match[2], sql, digest: createHash('sha256').update(sql).digest() };
}
