import { stringify } from 'yaml';
import { ValenceError, isValenceError } from '../core/errors.ts';
import { stripUrlPassword } from '../core/redact.ts';
import { parseConfig } from './config-text.ts';
import type { Config } from './schema.ts';

/**
 * The configuration that goes into a snapshot: YAML text in the form of `valence.yaml`, without comments and without
 * the password of the database URL. Equal configurations give equal text; paths are absolute. Secrets of backends stay named.
 */
export function configForSnapshot(config: Config): string {
  const url = config.databaseUrl === null ? null : stripUrlPassword(config.databaseUrl);
  const value = {
    version: config.version,
    database: url === null ? {} : { url },
    backends: written(config.backends),
    tiers: written(config.tiers),
  };
  return stringify(value, { lineWidth: 0 });
}

/** Secrets are never in it: the file only names them. */
function written<T>(sections: ReadonlyMap<string, { readonly written: T }>): Map<string, T> {
  return new Map([...sections].toSorted(byName).map(([name, section]) => [name, section.written]));
}

/** The reverse, for a restore. @throws `format/malformed` if the text is no configuration */
export function configFromSnapshot(text: string): Config {
  try {
    return parseConfig(text, '/valence.yaml').config;
  } catch (cause) {
    if (!isValenceError(cause, 'config/invalid')) throw cause;
    throw new ValenceError('format/malformed', `the configuration in the snapshot is not valid: ${cause.message}`, {
      hint: 'configure the restored home anew',
      cause,
    });
  }
}

function byName(a: readonly [string, unknown], b: readonly [string, unknown]): number {
  return a[0] < b[0] ? -1 : 1;
}
