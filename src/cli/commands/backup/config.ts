import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { ConfigurationEdit, ConfigurationView, TierProfile } from '../../../app/backup-calls.ts';
import { ValenceError } from '../../../core/errors.ts';
import type { CliContext } from '../../command-context.ts';
import { withNotes } from '../../command-help.ts';
import { BACKEND_FLAGS, BACKEND_OPTIONS, keyOf, settingsOf } from '../../backend-options.ts';
import type { BackendFlags } from '../../backend-options.ts';
import { plural, table } from '../../figures.ts';
import { copies, erasure, losses, names, text } from '../../parsers.ts';
import { readSecret } from '../../secret-input.ts';

interface Flags extends BackendFlags {
  readonly addBackend?: string | undefined;
  readonly setBackend?: string | undefined;
  readonly removeBackend?: string | undefined;
  readonly type?: string | undefined;
  readonly tier?: string | undefined;
  readonly backends?: readonly string[] | undefined;
  readonly erasure?: TierProfile | undefined;
  readonly copies?: TierProfile | undefined;
  readonly survives?: number | undefined;
  readonly lock?: string | undefined;
}

async function backupConfig(this: CliContext, flags: Flags): Promise<void> {
  const edit = await editOf(this, flags);
  const valence = await this.open();
  const view = await valence.backup.config(edit);
  await this.output.result(view, () => describe(view));
}

/** What the command is to do, by the option that says so. */
const TASKS = ['addBackend', 'setBackend', 'removeBackend', 'tier'] as const;
type Task = (typeof TASKS)[number];

const TIER_ONLY: readonly (keyof Flags)[] = ['backends', 'erasure', 'copies', 'survives', 'lock'];

/** The options that go with each task; one of none belongs to the tasks that know it. */
const GOES_WITH: Readonly<Record<Task, readonly (keyof Flags)[]>> = {
  addBackend: ['type', ...BACKEND_OPTIONS.filter((option) => option !== 'unset')],
  setBackend: BACKEND_OPTIONS,
  removeBackend: [],
  tier: [...TIER_ONLY, 'storageClass'],
};

async function editOf(context: CliContext, flags: Flags): Promise<ConfigurationEdit | null> {
  const tasks = TASKS.filter((task) => flags[task] !== undefined);
  if (tasks.length > 1) throw clash(`--${keyOf(tasks[0]!)} and --${keyOf(tasks[1]!)} are two commands`);
  const [task] = tasks;
  const options = [...TIER_ONLY, 'type', ...BACKEND_OPTIONS] as readonly (keyof Flags)[];
  const allowed = task === undefined ? [] : GOES_WITH[task];
  const stray = options.find((option) => flags[option] !== undefined && !allowed.includes(option));
  if (stray !== undefined) throw clash(`--${keyOf(stray)} belongs to ${tasksOf(stray)}`);
  switch (task) {
    case 'addBackend':
      return {
        kind: 'add-backend',
        name: flags.addBackend!,
        type: flags.type ?? null,
        ...(await backendOf(context, flags)),
      };
    case 'setBackend':
      return { kind: 'set-backend', name: flags.setBackend!, ...(await backendOf(context, flags)) };
    case 'removeBackend':
      return { kind: 'remove-backend', name: flags.removeBackend! };
    case 'tier':
      return tierOf(flags);
    default:
      return null;
  }
}

function tasksOf(option: keyof Flags): string {
  const tasks = TASKS.filter((task) => GOES_WITH[task].includes(option));
  return tasks.map((task) => `--${keyOf(task)} NAME`).join(' or ');
}

async function backendOf(
  { io }: CliContext,
  flags: Flags,
): Promise<Pick<Extract<ConfigurationEdit, { kind: 'add-backend' }>, 'settings' | 'secrets'>> {
  const { settings, secretKey } = settingsOf(flags);
  if (secretKey === null) return { settings };
  return { settings, secrets: { [secretKey]: await readSecret(io, secretKey) } };
}

function tierOf(flags: Flags): ConfigurationEdit {
  const { survives, lock, storageClass } = flags;
  if (flags.erasure !== undefined && flags.copies !== undefined)
    throw clash('--erasure and --copies contradict each other');
  return {
    kind: 'set-tier',
    name: flags.tier!,
    backends: flags.backends ?? null,
    profile: flags.erasure ?? flags.copies ?? null,
    ...(survives === undefined ? {} : { survives }),
    ...(lock === undefined ? {} : { lock }),
    ...(storageClass === undefined ? {} : { storageClass }),
  };
}

function clash(message: string): ValenceError {
  return new ValenceError('usage/invalid', message, { hint: 'see `valence backup config --help`' });
}

function describe(view: ConfigurationView): string {
  const backends = view.backends.map(({ name, type, location, domains, readOnly }) => [
    name,
    readOnly ? `${type} (read-only)` : type,
    domains.join(' '),
    location,
  ]);
  const tiers = view.tiers.map((tier) => [
    tier.name,
    describeProfile(tier.profile),
    String(tier.survives),
    tier.lock ?? '-',
    tier.backends.join(', '),
  ]);
  return [
    `file   ${view.file}`,
    `vault  ${view.vaultId ?? 'no keys yet: run `valence keys init`'}`,
    '',
    backends.length === 0
      ? 'no backends yet: add one with --add-backend'
      : table([['BACKEND', 'TYPE', 'DOMAINS', 'LOCATION'], ...backends]),
    '',
    tiers.length === 0
      ? 'no tiers yet: add one with --tier'
      : table([['TIER', 'PROFILE', 'SURVIVES', 'LOCK', 'BACKENDS'], ...tiers]),
    ...(view.notes.length === 0 ? [] : ['', ...view.notes]),
  ].join('\n');
}

function describeProfile(profile: TierProfile): string {
  return profile.kind === 'copies' ? plural(profile.count, 'copy', 'copies') : `${profile.k}/${profile.n}`;
}

const optionalText = { kind: 'parsed', parse: text, optional: true } as const;

export const backupConfigCommand: Command<CliContext> = withNotes(
  buildCommand<Flags, [], CliContext>({
    func: backupConfig,
    parameters: {
      flags: {
        addBackend: { ...optionalText, placeholder: 'NAME', brief: 'add a backend' },
        removeBackend: {
          ...optionalText,
          placeholder: 'NAME',
          brief: 'take out a backend that no tier uses; what lies there stays',
        },
        setBackend: { ...optionalText, placeholder: 'NAME', brief: 'change settings of a backend' },
        type: {
          ...optionalText,
          placeholder: 'TYPE',
          brief: 'directory, s3, ipfs, sftp, or a provider such as b2; may be left out where NAME is one',
        },
        tier: { ...optionalText, placeholder: 'NAME', brief: 'add a tier, or change the one of that name' },
        backends: { kind: 'parsed', parse: names, optional: true, placeholder: 'A,B,C', brief: 'backends of the tier' },
        erasure: {
          kind: 'parsed',
          parse: erasure,
          optional: true,
          placeholder: 'K/N',
          brief: 'any K of N shards rebuild everything, e.g. 3/5',
        },
        copies: {
          kind: 'parsed',
          parse: copies,
          optional: true,
          placeholder: 'N',
          brief: 'N plain copies instead of erasure coding',
        },
        survives: {
          kind: 'parsed',
          parse: losses,
          optional: true,
          placeholder: 'F',
          brief: 'how many failure domains the tier must be able to lose; left out, 1 where any can be lost',
        },
        lock: {
          ...optionalText,
          placeholder: 'TIME',
          brief: 'lock what its snapshots need, e.g. 30d; needs object lock',
        },
        ...BACKEND_FLAGS,
      },
    },
    docs: {
      brief: 'show or change backends and tiers',
      fullDescription:
        'Adds or changes a backend (--add-backend, --set-backend) or a tier (--tier) in valence.yaml, and shows what is configured.\n' +
        'Secrets are named, never written: env:NAME, file:PATH, or - to read one from standard input into a file of the home.\n' +
        'A tier that could not survive what it promises is refused, with the arithmetic and what would mend it.',
      customUsage: [
        '',
        '--add-backend NAME --type directory --path DIR [--mount DIR] [--domain NAME]',
        '--add-backend b2 --bucket NAME --region NAME --key-id ID --key env:B2_KEY',
        '--add-backend NAME --type sftp --host HOST --user NAME --path DIR [--identity file:PATH]',
        '--add-backend ipfs [--api URL] [--pinning endpoint=URL,token=file:PATH]',
        '--set-backend NAME [--KEY VALUE]… [--unset KEY,…]',
        '--remove-backend NAME',
        '--tier NAME --backends A,B,C (--erasure K/N | --copies N) [--survives F] [--lock 30d]',
      ],
    },
  }),
  {
    exits: ['config/no-home', 'config/invalid', 'home/locked', 'backend/unavailable', 'backend/denied'],
    json: [
      '{"type":"configuration","file","vaultId","backends":[{"name","type","location","domains":[…],"readOnly"}],"tiers":[{"name","backends":[…],"profile":{"kind":"erasure","k","n"} or {"kind":"copies","count"},"survives","required","lock"}],"notes":[…]}',
    ],
  },
);
