import { isValenceError, ValenceError } from '../core/errors.ts';
import type { ErrorCode } from '../core/errors.ts';

/** What a command that did its work has to say about it. A result, not an error. */
export type ResultStatus = 'ok' | 'degraded' | 'lost' | 'chain-broken';

/** One row of docs/errors.md, which is generated from this table. */
export interface ErrorGuide {
  /** Exit status of the process. */
  readonly exit: number;
  readonly meaning: string;
  readonly remedy: string;
}

/** The only place where error codes become exit statuses. Total: a code without a row does not compile. */
export const ERRORS: Readonly<Record<ErrorCode, ErrorGuide>> = {
  'internal/invariant': {
    exit: 1,
    meaning: 'a defect in Valence itself',
    remedy: 'report it, with the output of the same command under VALENCE_DEBUG=1; nothing half-done is committed',
  },
  'usage/invalid': {
    exit: 2,
    meaning: 'the command line cannot be understood, or options contradict each other',
    remedy: 'see the hint, or the command with --help',
  },
  'graph/not-found': {
    exit: 2,
    meaning: 'no belief, source or edge has the id that was given',
    remedy: 'look the id up with `valence belief list`, `valence source list` or `valence graph show`',
  },
  'key/passphrase': {
    exit: 10,
    meaning: 'a passphrase is needed and missing, or it does not open the key',
    remedy: 'set VALENCE_PASSPHRASE or run the command on a terminal',
  },
  'key/wrong-key': {
    exit: 11,
    meaning: 'the key is sound but is not one of this vault, or is a host.key where the master key is needed',
    remedy: 'name the master.key of this vault with --key-file',
  },
  'config/invalid': {
    exit: 20,
    meaning: 'valence.yaml, or an environment variable, has a value or a name that is not allowed',
    remedy: 'correct the line that the message names',
  },
  'config/no-home': {
    exit: 20,
    meaning: 'there is no home in the folder',
    remedy: 'run `valence init`, or name another folder with --home',
  },
  'config/no-keys': {
    exit: 20,
    meaning: 'the home has no host.key, so nothing can be sealed or read',
    remedy: 'run `valence keys init`, or `valence vault attach` in a restored home',
  },
  'config/home-exists': {
    exit: 20,
    meaning: 'what would be created is already there; keys and homes are never replaced',
    remedy: 'use another folder, or move the old one away',
  },
  'backend/unavailable': {
    exit: 30,
    meaning: 'a backend cannot be reached or refuses the operation',
    remedy: 'check that it is mounted, reachable and writable, then run the command again',
  },
  'backend/denied': {
    exit: 31,
    meaning: 'a backend refuses the credentials, or they do not allow the operation',
    remedy: 'check the key, its rights and its age; `valence backend check NAME` tells which calls it allows',
  },
  'backend/locked': {
    exit: 32,
    meaning: 'a lock protects the object from being deleted before its time',
    remedy: 'wait until the lock ends; that is what it is for',
  },
  'backend/archived': {
    exit: 36,
    meaning: 'objects lie in an archive class; they were asked for, and are not ready yet',
    remedy: 'run the same command again when the store has brought them back, which takes hours',
  },
  'backend/not-found': {
    exit: 30,
    meaning: 'an object that should be on a backend is not there',
    remedy: 'name the other locations of the vault too; `valence backup verify` tells what is missing',
  },
  'backend/already-exists': {
    exit: 30,
    meaning: 'another object with the same name but other content is on the backend',
    remedy: 'run `valence backup verify --data`: that object is damaged',
  },
  'backend/invalid-range': {
    exit: 30,
    meaning: 'an object on a backend is shorter than the part that was asked for',
    remedy: 'run `valence backup verify --data`: that object is damaged',
  },
  'backend/full': {
    exit: 33,
    meaning: 'no space is left on a backend, on the spool or on the disk of the home',
    remedy: 'make room and run the command again; what was already stored is used',
  },
  'backend/foreign-vault': {
    exit: 34,
    meaning: 'the backend holds another vault',
    remedy: 'give each vault a folder of its own',
  },
  'backend/second-writer': {
    exit: 35,
    meaning: 'another process writes to this vault',
    remedy: 'wait for it to end and run the command again',
  },
  'home/locked': {
    exit: 35,
    meaning: 'another process works on this home',
    remedy: 'wait for it to end and run the command again',
  },
  'integrity/authentication-failed': {
    exit: 40,
    meaning: 'stored bytes were changed: a digest, tag or signature does not hold',
    remedy: 'do not trust that location; name others with --from, and run `valence backup verify --data`',
  },
  'integrity/too-few-shards': {
    exit: 41,
    meaning: 'fewer shards are left than are needed; the message lists what is missing',
    remedy: 'bring back one of the missing locations, or restore an older snapshot',
  },
  'integrity/chain-broken': {
    exit: 42,
    meaning: 'a snapshot of the chain is missing, replayed or out of place',
    remedy:
      'name all locations of the vault; if it stays, choose a snapshot with --snapshot and find out who changed the store',
  },
  'integrity/change-log': {
    exit: 43,
    meaning: 'a full scan found changes that the change log of the database had missed',
    remedy: 'what the run committed is whole; find out what wrote to the tables past their triggers, and report this',
  },
  'format/malformed': {
    exit: 45,
    meaning: 'bytes do not follow FORMAT.md',
    remedy: 'the object is damaged or foreign; name other locations, and run `valence backup verify --data`',
  },
  'format/newer': {
    exit: 46,
    meaning: 'a newer version of Valence wrote this',
    remedy: 'install that version or a later one',
  },
  'database/unavailable': {
    exit: 50,
    meaning: 'the database cannot be reached or refuses the login',
    remedy: 'check --database or DATABASE_URL, and that the server runs',
  },
  'database/failed': {
    exit: 50,
    meaning: 'the database refused or broke off a statement',
    remedy: 'see the message; nothing of the transaction remains',
  },
  'graph/refused': {
    exit: 50,
    meaning: 'the change would break a rule of the graph, e.g. a belief that supersedes itself',
    remedy: 'see the message; nothing was changed',
  },
  'database/read-only': {
    exit: 51,
    meaning: 'the database is a standby, which takes no changes',
    remedy: 'connect to the primary',
  },
  'database/target-not-empty': {
    exit: 52,
    meaning: 'a restore would mix with knowledge that is already there',
    remedy: 'restore into an empty database or an absent folder',
  },
  'database/newer-schema': {
    exit: 57,
    meaning: 'a newer version of Valence has migrated this database',
    remedy: 'install that version or a later one',
  },
  'import/invalid': {
    exit: 60,
    meaning: 'the import has bad lines or cannot be read; nothing was imported',
    remedy: 'correct the lines that the message lists and import again',
  },
  'embedding/unavailable': {
    exit: 70,
    meaning:
      'the endpoint that makes embeddings cannot be reached, is busy, or did not answer in time, however often it was asked',
    remedy:
      'see that it runs, or raise `timeout` or lower `batch` in valence.yaml, and run the command again: it goes on where it stopped',
  },
  'embedding/refused': {
    exit: 71,
    meaning: 'the endpoint refuses the key, does not know the model, or does not take what it was sent',
    remedy: 'see the message; correct `embedders` in valence.yaml, or load the model at the endpoint',
  },
  'embedding/malformed': {
    exit: 72,
    meaning: 'the answer of the endpoint is not that of an embeddings call, or has vectors that do not fit the model',
    remedy:
      'see that `url` is the base of an OpenAI-compatible API, and that the endpoint has the model that it had before',
  },
  cancelled: {
    exit: 130,
    meaning: 'interrupted by a signal or at a prompt',
    remedy: 'run the command again; nothing half-done is visible, and what a backup had stored is used by the next one',
  },
};

const RESULTS: Readonly<Record<ResultStatus, number>> = {
  ok: 0,
  degraded: 3,
  lost: ERRORS['integrity/too-few-shards'].exit,
  'chain-broken': ERRORS['integrity/chain-broken'].exit,
};

/** Every exit status in a few words, for help texts and docs/errors.md. */
export const EXIT_NAMES: ReadonlyMap<number, string> = new Map([
  [0, 'done'],
  [1, 'internal error'],
  [2, 'usage, or an id that does not exist'],
  [3, 'degraded: less than was promised, or damage that can still be restored'],
  [10, 'passphrase missing or wrong'],
  [11, 'wrong key'],
  [20, 'configuration, home or keys'],
  [30, 'backend'],
  [31, 'backend refuses the credentials'],
  [32, 'locked against deletion'],
  [33, 'no space left'],
  [34, "another vault's backend"],
  [35, 'second writer, or the home is in use'],
  [36, 'waiting for an archive'],
  [40, 'authentication failed'],
  [41, 'too few shards'],
  [42, 'chain broken or replayed'],
  [43, 'the change log missed something'],
  [45, 'malformed'],
  [46, 'newer format'],
  [50, 'database, or a rule of the graph'],
  [51, 'standby'],
  [52, 'target not empty'],
  [57, 'newer schema'],
  [60, 'import'],
  [70, 'embeddings: endpoint away or busy'],
  [71, 'embeddings: refused'],
  [72, 'embeddings: malformed answer'],
  [130, 'cancelled'],
]);

/** Exit status of a command that ended without an error. */
export function exitOfResult(status: ResultStatus): number {
  return RESULTS[status];
}

/** Exit status of an error. */
export function exitOfError(error: ValenceError): number {
  return ERRORS[error.code].exit;
}

/**
 * Whatever was thrown, as the project's own error: an abort is `cancelled`, a full disk `backend/full`, a `ValenceError`
 * is itself, and all else is a defect (`internal/invariant`) whose cause is kept.
 */
export function asValenceError(thrown: unknown): ValenceError {
  if (isValenceError(thrown)) return thrown;
  const { name, code } = namesOf(thrown);
  if (name === 'AbortError') return new ValenceError('cancelled', 'cancelled', { cause: thrown });
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new ValenceError('backend/full', 'no space left on the disk', { cause: thrown });
  return new ValenceError('internal/invariant', thrown instanceof Error ? thrown.message : String(thrown), {
    cause: thrown,
  });
}

function namesOf(thrown: unknown): { name: string | undefined; code: unknown } {
  if (!(thrown instanceof Error)) return { name: undefined, code: undefined };
  return { name: thrown.name, code: 'code' in thrown ? thrown.code : undefined };
}
