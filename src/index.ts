/** The public library: the same calls as the command line. */
export { openValence } from './app.ts';
export type { Valence, ValenceOptions } from './app.ts';
export type * from './app/backend-calls.ts';
export type * from './app/backup-calls.ts';
export type * from './app/diff-calls.ts';
export type * from './app/embed-calls.ts';
export type * from './app/graph-calls.ts';
export { fileInput, streamInput } from './app/import-inputs.ts';
export type * from './app/knowledge-calls.ts';
export type * from './app/search-calls.ts';
export type * from './app/vault-calls.ts';
export { isValenceError, ValenceError } from './core/errors.ts';
export type { ErrorCode, ErrorDetails } from './core/errors.ts';
export type { ProgressEvent, ProgressSink } from './core/progress.ts';
