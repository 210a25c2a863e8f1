import { ValenceError } from '../core/errors.ts';
import type { ProgressSink } from '../core/progress.ts';
import { nearest } from '../core/nearest.ts';
import type { CliIo } from './io.ts';

/** Structured lines on standard error for those who run Valence unattended. Off unless VALENCE_LOG names a level. */
export interface Log {
  readonly progress: ProgressSink;
}

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/** @throws `config/invalid` when VALENCE_LOG is not a level */
export async function openLog(io: CliIo): Promise<Log> {
  const level = io.env['VALENCE_LOG'];
  if (level === undefined || level === '') return { progress: () => {} };
  if (!LEVELS.includes(level)) {
    const near = nearest(level, LEVELS);
    throw new ValenceError('config/invalid', `VALENCE_LOG is not a level: "${level}"`, {
      hint: near === null ? `use one of ${LEVELS.join(', ')}` : `did you mean ${near}?`,
    });
  }
  const { pino } = await import('pino');
  const logger = pino({ name: 'valence', level }, io.stderr);
  let stage = '';
  return {
    progress: (event) => {
      if (event.stage === stage) logger.trace(event, event.stage);
      else logger.info(event, event.stage);
      stage = event.stage;
    },
  };
}
