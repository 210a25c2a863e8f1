import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { DiffOptions } from '../../../app/diff-calls.ts';
import { ValenceError } from '../../../core/errors.ts';
import type { CliContext } from '../../command-context.ts';
import { VAULT_EXITS, withNotes } from '../../command-help.ts';
import { text } from '../../parsers.ts';
import { describeDiff, DIFF_SUMMARY_JSON, DIFFERENCE_JSON, differenceLine } from '../../render/difference.ts';
import { keyFileFlag, optionalFromFlag, waitFlag } from '../../shared-flags.ts';

interface Flags {
  readonly from?: readonly string[] | undefined;
  readonly keyFile?: string | undefined;
  readonly tier?: string | undefined;
  readonly all?: boolean | undefined;
  readonly stat?: boolean | undefined;
  readonly wait?: boolean | undefined;
}

/** Of a line where no terminal says. */
const WIDTH = 120;

async function backupDiff(this: CliContext, flags: Flags, before: string, after?: string): Promise<void> {
  const { from = [], keyFile, tier, wait } = flags;
  const rows = rowsOf(flags);
  const valence = await this.open();
  const width = this.io.stdout.columns ?? WIDTH;
  const warn = (warning: string): void => this.warn(warning);
  for await (const event of valence.backup.diff({ before, after, tier, from, keyFile, rows, wait, warn })) {
    if (this.output.closed) return;
    await this.output.result(event, () =>
      event.type === 'summary' ? describeDiff(event) : differenceLine(event, width),
    );
  }
}

function rowsOf({ all, stat }: Flags): DiffOptions['rows'] {
  if (all === true && stat === true) {
    throw new ValenceError('usage/invalid', '--all and --stat contradict each other', {
      hint: 'leave one of them out',
    });
  }
  if (stat === true) return 'none';
  return all === true ? 'all' : 'knowledge';
}

export const backupDiffCommand: Command<CliContext> = withNotes(
  buildCommand<Flags, [string, string?], CliContext>({
    func: backupDiff,
    parameters: {
      flags: {
        from: optionalFromFlag,
        keyFile: keyFileFlag,
        tier: {
          kind: 'parsed',
          parse: text,
          optional: true,
          placeholder: 'NAME',
          brief: 'look for both among the snapshots of this tier only',
        },
        all: {
          kind: 'boolean',
          optional: true,
          withNegated: false,
          brief: 'list versions, provenance, models and embeddings too',
        },
        stat: { kind: 'boolean', optional: true, withNegated: false, brief: 'only count' },
        wait: waitFlag,
      },
      positional: {
        kind: 'tuple',
        parameters: [
          { parse: text, placeholder: 'A', brief: 'the earlier snapshot: enough of its id, or latest' },
          {
            parse: text,
            placeholder: 'B',
            optional: true,
            brief: 'the later one; left out, the latest of the tier of A',
          },
        ],
      },
    },
    docs: {
      brief: 'tell what changed between two snapshots',
      fullDescription:
        'Lists the beliefs, sources and edges that were added (+), changed (~) or removed (-) from snapshot A to snapshot B, and counts\n' +
        'the rows of every table. Reads only where the two differ. Needs master.key; no database, and with --from no home.',
    },
  }),
  {
    exits: [
      ...VAULT_EXITS,
      'config/no-keys',
      'key/passphrase',
      'key/wrong-key',
      'backend/not-found',
      'backend/archived',
    ],
    json: [DIFFERENCE_JSON, DIFF_SUMMARY_JSON],
  },
);
