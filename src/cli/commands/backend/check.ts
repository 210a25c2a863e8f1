import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { BackendCheck } from '../../../app/backend-calls.ts';
import { ValenceError } from '../../../core/errors.ts';
import type { CliContext } from '../../command-context.ts';
import { withNotes } from '../../command-help.ts';
import { plural } from '../../figures.ts';
import { text } from '../../parsers.ts';

async function backendCheck(this: CliContext, _: Record<never, never>, place: string): Promise<void> {
  const valence = await this.open();
  const failed: string[] = [];
  for await (const result of valence.backend.check(place)) {
    if (result.status === 'warned') this.settle('degraded');
    if (result.status === 'failed') failed.push(result.check);
    await this.output.result(result, () => describe(result));
  }
  if (failed.length === 0) return;
  throw new ValenceError('backend/unavailable', `backend ${place} fails ${plural(failed.length, 'check')}`, {
    hint: 'do not rely on it before what failed is mended',
    context: { backend: place, failed },
  });
}

const WORDS: Readonly<Record<BackendCheck['status'], string>> = {
  passed: 'passed',
  failed: 'FAILED',
  warned: 'warned',
  'not-applicable': '-',
};

/** Columns of the longest words there are, since each row is printed when its check has ended. */
function describe({ check, status, detail, hint, milliseconds }: BackendCheck): string {
  const time = `${milliseconds} ms`;
  const row = `${WORDS[status].padEnd(6)}  ${check.padEnd(16)}  ${time.padStart(9)}  ${detail}`;
  return hint === null ? row : `${row}\n${' '.repeat(8)}${hint}`;
}

export const backendCheckCommand: Command<CliContext> = withNotes(
  buildCommand<Record<never, never>, [string], CliContext>({
    func: backendCheck,
    parameters: {
      positional: {
        kind: 'tuple',
        parameters: [{ placeholder: 'NAME', brief: 'a configured backend, or a location', parse: text }],
      },
    },
    docs: {
      brief: 'try whether a backend keeps what backups rely on',
      fullDescription:
        'Holds a backend to every promise that backups rely on, before they do: connection, writing, reading back, ranges, lists,\n' +
        'overwriting, deleting, many calls at once, consistency, object lock and speed. Writes some 10 MB under a name of its own\n' +
        'and deletes all that it wrote. Needs no keys of the vault.',
    },
  }),
  {
    exits: ['degraded', 'backend/unavailable', 'backend/denied', 'config/no-home'],
    json: [
      '{"type":"backend-check","backend","check","status":"passed"|"failed"|"warned"|"not-applicable","detail","hint" or null,"milliseconds"}',
    ],
  },
);
