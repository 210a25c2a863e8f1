import { ValenceError } from '../core/errors.ts';
import type { Environment, Home } from './home.ts';
import type { Config } from './schema.ts';
import { isPostgresUrl } from './schema.ts';

/** A Postgres server, or the folder of the embedded database. */
export type DatabaseChoice =
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'folder'; readonly folder: string };

export interface DatabaseSources {
  /** The value of `--database`. */
  readonly flag?: string | undefined;
  /** `DATABASE_URL` is read from it; empty counts as unset. */
  readonly env: Environment;
  /** `null` where there is no home yet. */
  readonly config: Config | null;
  readonly home: Home;
}

/**
 * Flag, else `DATABASE_URL`, else the file, else the embedded database in the home. Never prints the URL.
 * @throws `usage/invalid` if the flag, `config/invalid` if the variable is no `postgres://` URL
 */
export function resolveDatabase({ flag, env, config, home }: DatabaseSources): DatabaseChoice {
  const fromEnvironment = env['DATABASE_URL'] || undefined;
  if (flag !== undefined && !isPostgresUrl(flag)) throw notPostgres('usage/invalid', '--database');
  if (flag === undefined && fromEnvironment !== undefined && !isPostgresUrl(fromEnvironment)) {
    throw notPostgres('config/invalid', 'DATABASE_URL');
  }
  const url = flag ?? fromEnvironment ?? config?.databaseUrl ?? null;
  return url === null ? { kind: 'folder', folder: home.databaseFolder } : { kind: 'url', url };
}

/** The value may hold a password, so it is not repeated. */
function notPostgres(code: 'usage/invalid' | 'config/invalid', source: string): ValenceError {
  return new ValenceError(code, `${source} is not a postgres:// URL`, {
    hint: 'write it as postgres://user@host:5432/name; leave it out for the embedded database',
  });
}
