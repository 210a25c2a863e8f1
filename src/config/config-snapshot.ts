import { stringify } from 'yaml';
import { ValenceError, isValenceError } from '../core/errors.ts';
import { stripUrlPassword } from '../core/redact.ts';
import { parseConfig } from './config-text.ts';
import type { Config } from './schema.ts';
import { LANGUAGE_DEFAULT } from './search.ts';
import type { RawSearch, SearchConfig } from './search.ts';

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
    ...searchSection(config.search),
    // Left out where there are none, so that the configurations of programs that know of none stay as they are.
    ...(config.embedders.size === 0 ? {} : { embedders: written(config.embedders) }),
  };
  return stringify(value, { lineWidth: 0 });
}

/** Left out where it says nothing, so that the configurations of programs that know of none stay as they are. */
function searchSection({ language, model }: SearchConfig): { readonly search?: RawSearch } {
  const said = {
    ...(language === LANGUAGE_DEFAULT ? {} : { language }),
    ...(model === null ? {} : { model }),
  };
  return Object.keys(said).length === 0 ? {} : { search: said };
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
