import { ValenceError } from '../core/errors.ts';

/** What a driver reports of a statement the database refused. */
interface RefusedStatement {
  readonly code: string;
  readonly message: string;
  readonly constraint?: string | undefined;
  readonly table?: string | undefined;
}

/** Conditions in which the database cannot be used at all, not only this statement (PostgreSQL manual, appendix A). */
const UNAVAILABLE = /^(08...|28...|3D000|53300|57P0[1-5])$/;

const HINTS: Readonly<Record<string, string>> = {
  '28P01': 'check the user and password in the database URL',
  '28000': 'check the user in the database URL, and that the server lets it in',
  '3D000': 'create the database, or name another one in the URL',
  '53300': 'close other connections, or raise max_connections on the server',
  '57P03': 'the server is starting or stopping; try again in a moment',
  '40001': 'another transaction changed the same rows at the same time; try again',
  '40P01': 'another transaction waited for this one; try again',
  '53100': 'free space on the disk of the database',
  '42501': 'let the database role do this, or connect as another',
  '42P01': 'set the database up with `valence init`',
  '3F000': 'set the database up with `valence init`',
  '25006': 'connect to the primary, not to a replica',
};

const NETWORK: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection closed',
  ENOTFOUND: 'host not found',
  EAI_AGAIN: 'host name could not be looked up',
  ETIMEDOUT: 'timed out',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ENOENT: 'no such socket',
  EACCES: 'permission denied',
};

/**
 * The error of a driver as ours: `database/unavailable` when the connection is gone or was never had, else
 * `database/failed` with the SQLSTATE (and constraint and table, where one refused) in the context. A `ValenceError`
 * passes unchanged. `where` names the database, without secrets.
 */
export function databaseError(error: unknown, where: string): ValenceError {
  if (error instanceof ValenceError) return error;
  const refused = refusedStatement(error);
  if (refused === null) return connectionError(error, where);
  const { code: sqlstate, message, constraint, table } = refused;
  const unavailable = UNAVAILABLE.test(sqlstate);
  return new ValenceError(
    unavailable ? 'database/unavailable' : 'database/failed',
    unavailable ? `cannot use ${where}: ${message}` : `the database refused a statement: ${message}`,
    {
      hint: HINTS[sqlstate],
      context: { sqlstate, ...(constraint && { constraint }), ...(table && { table }) },
      cause: error,
    },
  );
}

/** The SQLSTATE of a translated error; `null` where there is none. */
export function sqlstateOf(error: unknown): string | null {
  const sqlstate = error instanceof ValenceError ? error.context['sqlstate'] : undefined;
  return typeof sqlstate === 'string' ? sqlstate : null;
}

function refusedStatement(error: unknown): RefusedStatement | null {
  if (!(error instanceof Error) || !('severity' in error) || !('code' in error)) return null;
  return typeof error.code === 'string' && /^[0-9A-Z]{5}$/.test(error.code)
    ? (error as Error & RefusedStatement)
    : null;
}

/** Drivers tell of a lost connection by system errors and by bare messages. */
const LOST =
  /^(connection (terminated|ended)|timeout expired|client (was closed|has encountered)|the server does not support ssl)/i;

/** Not all that drivers throw is an `Error`. */
function textOf(thrown: unknown): string {
  if (typeof thrown !== 'object' || thrown === null) return String(thrown);
  if ('message' in thrown && typeof thrown.message === 'string' && thrown.message !== '') return thrown.message;
  return 'name' in thrown && typeof thrown.name === 'string' ? thrown.name : 'an unknown error';
}

function connectionError(error: unknown, where: string): ValenceError {
  const reason = error instanceof Error ? error : new Error(textOf(error));
  const systemCode = 'code' in reason && typeof reason.code === 'string' ? reason.code : undefined;
  const network = systemCode === undefined ? undefined : NETWORK[systemCode];
  if (network === undefined && !LOST.test(reason.message)) {
    return new ValenceError('database/failed', `${where} failed: ${reason.message || reason.name}`, { cause: error });
  }
  return new ValenceError('database/unavailable', `cannot use ${where}: ${network ?? reason.message.toLowerCase()}`, {
    hint: 'check that the server runs and that the database URL names it',
    ...(systemCode !== undefined && { context: { systemCode } }),
    cause: error,
  });
}
