import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { LinesTarget, PartOptions, RestoreEvent, RestoreOptions } from '../../../app/backup-calls.ts';
import { HOPS_MAX } from '../../../app/partial-restore-calls.ts';
import { ValenceError } from '../../../core/errors.ts';
import type { CliContext } from '../../command-context.ts';
import { VAULT_EXITS, withNotes } from '../../command-help.ts';
import { requireNewFile, writeLines } from '../../line-file.ts';
import { listedUuid, text } from '../../parsers.ts';
import { mergeQuestion } from '../../render/merge.ts';
import { describeRestore, RESTORE_JSON } from '../../render/restore.ts';
import { fromFlag, keyFileFlag, waitFlag } from '../../shared-flags.ts';

interface Flags {
  readonly from: readonly string[];
  readonly to?: string | undefined;
  readonly snapshot: string;
  readonly tier?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly dryRun?: boolean | undefined;
  readonly beliefs?: readonly string[] | undefined;
  readonly hops?: number | undefined;
  readonly jsonl?: string | undefined;
  readonly merge?: boolean | undefined;
  readonly overwrite?: boolean | undefined;
  readonly wait?: boolean | undefined;
}

/** Standard output, as the name of a file. */
const STANDARD_OUTPUT = '-';

async function backupRestore(this: CliContext, flags: Flags): Promise<void> {
  const { from, to, snapshot, tier, keyFile, dryRun = false, jsonl, wait } = flags;
  const part = partOf(flags, this);
  // Lines on standard output are alone there, so that they can go into a pipe.
  const piped = jsonl === STANDARD_OUTPUT && !dryRun;
  if (jsonl !== undefined && jsonl !== STANDARD_OUTPUT) await requireNewFile(jsonl);
  const valence = await this.open();
  const warn = (warning: string): void => this.warn(warning);
  const options: RestoreOptions = { from, to, snapshot, tier, keyFile, dryRun, part, wait, warn };
  for await (const event of valence.backup.restore(options)) {
    if (event.type === 'plan' && !event.restorable) this.settle('lost');
    if (event.type === 'restored' && event.orphanEdges > 0) this.settle('degraded');
    if (piped && event.type === 'lines') event.warnings.forEach((warning) => this.warn(warning));
    if (!piped) await this.output.result(event, () => describeRestore(event, { dryRun, merge: flags.merge === true }));
    await consent(this, event, dryRun);
  }
}

/** The next event of a merge is asked for only when it may be carried out. */
async function consent(context: CliContext, event: RestoreEvent, dryRun: boolean): Promise<void> {
  if (event.type !== 'merge-plan' || event.nothingToDo || dryRun) return;
  await context.confirm(mergeQuestion(event));
}

/** What is asked for of the snapshot; left out: all of it. @throws `usage/invalid` for options that do not go together */
function partOf(flags: Flags, context: CliContext): PartOptions | undefined {
  const { beliefs = [], hops = 0, jsonl, merge, overwrite = false } = flags;
  const target = targetOf(flags);
  if (overwrite && merge !== true) throw clash('--overwrite belongs to --merge');
  if (beliefs.length === 0) {
    const stray = flags.hops === undefined ? target : '--hops';
    if (stray !== null && stray !== '--to') throw clash(`${stray} belongs to --beliefs ID`);
    if (target === null) throw clash('--to is needed, with a value');
    return undefined;
  }
  if (target === null) throw clash('--to, --jsonl or --merge is needed');
  const part = { beliefs, hops };
  if (jsonl !== undefined) return { ...part, lines: linesTarget(jsonl, context) };
  return merge === true ? { ...part, merge: { overwrite } } : part;
}

function targetOf({ to, jsonl, merge }: Flags): '--to' | '--jsonl' | '--merge' | null {
  const named = { '--to': to !== undefined, '--jsonl': jsonl !== undefined, '--merge': merge === true } as const;
  const targets = (['--to', '--jsonl', '--merge'] as const).filter((target) => named[target]);
  if (targets.length > 1) throw clash(`${targets.join(' and ')} contradict each other`);
  return targets[0] ?? null;
}

function clash(message: string): ValenceError {
  return new ValenceError('usage/invalid', message, { hint: 'see `valence backup restore --help`' });
}

function linesTarget(file: string, { output, io }: CliContext): LinesTarget {
  if (file !== STANDARD_OUTPUT) {
    return { location: file, write: (lines) => writeLines(file, lines, { signal: io.signal, exclusive: true }) };
  }
  return {
    location: 'standard output',
    async write(lines) {
      let count = 0;
      for await (const line of lines) {
        if (output.closed) break;
        await output.raw(line);
        count += 1;
      }
      return count;
    },
  };
}

/** 0 to `HOPS_MAX`. */
function hopCount(input: string): number {
  const count = /^[0-9]{1,3}$/.test(input) ? Number(input) : NaN;
  if (!(count <= HOPS_MAX)) throw new Error(`"${input}" is not a whole number from 0 to ${HOPS_MAX}`);
  return count;
}

export const backupRestoreCommand: Command<CliContext> = withNotes(
  buildCommand<Flags, [], CliContext>({
    func: backupRestore,
    parameters: {
      flags: {
        from: fromFlag,
        to: {
          kind: 'parsed',
          parse: text,
          optional: true,
          placeholder: 'URL|DIR',
          brief: 'an empty Postgres database, or a folder that becomes a home',
        },
        snapshot: {
          kind: 'parsed',
          parse: text,
          placeholder: 'ID',
          default: 'latest',
          brief: 'id of a snapshot, or latest',
        },
        tier: {
          kind: 'parsed',
          parse: text,
          optional: true,
          placeholder: 'NAME',
          brief: 'the tier to take the latest snapshot of',
        },
        keyFile: keyFileFlag,
        dryRun: {
          kind: 'boolean',
          optional: true,
          withNegated: false,
          brief: 'say what would be done, and whether it can be',
        },
        beliefs: {
          kind: 'parsed',
          parse: listedUuid,
          optional: true,
          variadic: ',',
          placeholder: 'ID',
          brief: 'only these beliefs, and what belongs to them; repeat, or put commas between',
        },
        hops: {
          kind: 'parsed',
          parse: hopCount,
          optional: true,
          placeholder: 'N',
          brief: `with --beliefs: also what so many edges lead to, in either direction; 0 to ${HOPS_MAX}, 0 when left out`,
        },
        jsonl: {
          kind: 'parsed',
          parse: text,
          optional: true,
          placeholder: 'FILE',
          brief: 'with --beliefs, instead of --to: a new file of JSON lines; - is standard output',
        },
        merge: {
          kind: 'boolean',
          optional: true,
          withNegated: false,
          brief: 'with --beliefs, instead of --to: into the database in use, what differs there stays',
        },
        overwrite: {
          kind: 'boolean',
          optional: true,
          withNegated: false,
          brief: 'with --merge: what differs becomes as in the snapshot',
        },
        wait: waitFlag,
      },
    },
    docs: {
      brief: 'restore a snapshot, or some beliefs of it',
      fullDescription:
        'Restores a snapshot into an empty place. Needs no home: only locations, master.key and its passphrase. All rows come in one\n' +
        'transaction; once the target is queryable, vector indexes are built. Run again after an interruption, it goes on from there.\n' +
        'With --beliefs only those and their edges among one another, sources, history and embeddings: into an empty place, as JSON\n' +
        'lines that `valence import` takes, or merged into a database in use, after showing what that changes.\n' +
        'Shards in an archive class are asked for, all that are needed, for a part all of the snapshot; without --wait the command then\n' +
        'ends, to be run again.',
    },
  }),
  {
    exits: [
      ...VAULT_EXITS,
      'key/passphrase',
      'key/wrong-key',
      'home/locked',
      'database/unavailable',
      'database/target-not-empty',
      'database/newer-schema',
      'graph/refused',
      'backend/full',
      'backend/archived',
      'degraded',
      'lost',
    ],
    json: RESTORE_JSON,
  },
);
