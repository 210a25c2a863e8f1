import pg from 'pg';
import { ValenceError } from '../core/errors.ts';
import type { ColumnParser } from './column-types.ts';
import { COLUMN_PARSERS, isoTimestamp } from './column-types.ts';

/** How long a connection may take to be made, in milliseconds; waiting for a free one of the pool is not limited. */
const CONNECT_TIMEOUT_MS = 15_000;

const TEXT_ARRAY = 1009;
/** Arrays of types that node-postgres would turn into dates. */
const TIME_ARRAYS: ReadonlyMap<number, ColumnParser> = new Map<number, ColumnParser>([
  [1115, textArray],
  [1182, textArray],
  [1185, timestampArray],
]);

/** The driver's client with our reading of columns and our limit on connecting. */
export class PostgresClient extends pg.Client {
  constructor(config: pg.ClientConfig = {}) {
    super({
      ...config,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      fallback_application_name: 'valence',
      keepAlive: true,
      types: { getTypeParser: parserOf as typeof pg.types.getTypeParser },
    });
    // Whoever waits for a statement hears that the server went away; an event that nobody hears would end the process.
    this.on('error', () => {});
  }
}

/** Where a URL leads, without the password. */
export interface PostgresLocation {
  /** e.g. `postgres://anna@localhost:5432/notes` */
  readonly url: string;
  /** For messages, e.g. `database "notes" at localhost:5432`. */
  readonly name: string;
}

/** @throws `config/invalid` for what is no database URL; the URL is not repeated, as it may hold a password. */
export function postgresLocation(url: string): PostgresLocation {
  const client = parsed(url);
  const database = client.database ?? client.user ?? '';
  const socket = client.host.startsWith('/');
  const user = client.user === undefined ? '' : `${encodeURIComponent(client.user)}@`;
  const path = encodeURIComponent(database);
  const host = `${client.host.includes(':') ? `[${client.host}]` : client.host}:${client.port}`;
  return {
    url: socket
      ? `postgres://${user}/${path}?host=${client.host}&port=${client.port}`
      : `postgres://${user}${host}/${path}`,
    name: `database "${database}" at ${host}`,
  };
}

function parsed(url: string): pg.Client {
  if (/^postgres(ql)?:\/\//.test(url)) {
    try {
      return new pg.Client({ connectionString: url });
    } catch {
      // The driver's message may repeat parts of the URL.
    }
  }
  throw new ValenceError('config/invalid', 'the database URL is not valid', {
    hint: 'write it as postgres://user:password@host:5432/database, with special characters percent-encoded',
  });
}

type ParserOf = (oid: number, format?: 'text' | 'binary') => (text: string) => unknown;

/** The driver's own reading of a type. */
const driverParser = pg.types.getTypeParser as ParserOf;

function parserOf(oid: number, format: 'text' | 'binary' = 'text'): (text: string) => unknown {
  const ours = format === 'text' ? (COLUMN_PARSERS.get(oid) ?? TIME_ARRAYS.get(oid)) : undefined;
  return ours ?? driverParser(oid, format);
}

function textArray(text: string): (string | null)[] {
  return driverParser(TEXT_ARRAY, 'text')(text) as (string | null)[];
}

function timestampArray(text: string): (string | null)[] {
  return textArray(text).map((item) => (item === null ? null : isoTimestamp(item)));
}
