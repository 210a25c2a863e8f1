import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { ConfigurationEdit, ConfigurationView, TierProfile } from '../../../app/backup-calls.ts';
import { ValenceError } from '../../../core/errors.ts';
import type { CliContext } from '../../command-context.ts';
import { withNotes } from '../../command-help.ts';
import { plural, table } from '../../figures.ts';
import { copies, erasure, names, text } from '../../parsers.ts';

interface Flags {
  readonly addBackend?: string | undefined;
  readonly removeBackend?: string | undefined;
  readonly type?: string | undefined;
  readonly path?: string | undefined;
  readonly domain?: string | undefined;
  readonly tier?: string | undefined;
  readonly backends?: readonly string[] | undefined;
  readonly erasure?: TierProfile | undefined;
  readonly copies?: TierProfile | undefined;
}

async function backupConfig(this: CliContext, flags: Flags): Promise<void> {
  const edit = editOf(flags);
  const valence = await this.open();
  const view = await valence.backup.config(edit);
  await this.output.result(view, () => describe(view));
}

function editOf(flags: Flags): ConfigurationEdit | null {
  const { addBackend, tier } = flags;
  if (addBackend !== undefined && tier !== undefined) throw clash('--add-backend and --tier are two commands');
  if (addBackend !== undefined) {
    refuse(flags, ['removeBackend'], '--remove-backend');
    refuse(flags, ['backends', 'erasure', 'copies'], '--tier');
    return {
      kind: 'add-backend',
      name: addBackend,
      type: flags.type ?? null,
      path: flags.path ?? null,
      domain: flags.domain ?? null,
    };
  }
  refuse(flags, ['type', 'path', 'domain'], '--add-backend');
  if (flags.removeBackend !== undefined) {
    refuse(flags, ['tier', 'backends', 'erasure', 'copies'], '--tier');
    return { kind: 'remove-backend', name: flags.removeBackend };
  }
  if (tier === undefined) {
    refuse(flags, ['backends', 'erasure', 'copies'], '--tier');
    return null;
  }
  if (flags.erasure !== undefined && flags.copies !== undefined)
    throw clash('--erasure and --copies contradict each other');
  return {
    kind: 'set-tier',
    name: tier,
    backends: flags.backends ?? null,
    profile: flags.erasure ?? flags.copies ?? null,
  };
}

function refuse(flags: Flags, options: readonly (keyof Flags)[], belongsTo: string): void {
  const given = options.find((option) => flags[option] !== undefined);
  if (given !== undefined) throw clash(`--${given} belongs to ${belongsTo} NAME`);
}

function clash(message: string): ValenceError {
  return new ValenceError('usage/invalid', message, { hint: 'see `valence backup config --help`' });
}

function describe(view: ConfigurationView): string {
  const backends = view.backends.map(({ name, type, location, domain }) => [name, type, domain, location]);
  const tiers = view.tiers.map((tier) => [
    tier.name,
    describeProfile(tier.profile),
    String(tier.survives),
    tier.backends.join(', '),
  ]);
  return [
    `file   ${view.file}`,
    `vault  ${view.vaultId ?? 'no keys yet: run `valence keys init`'}`,
    '',
    backends.length === 0
      ? 'no backends yet: add one with --add-backend'
      : table([['BACKEND', 'TYPE', 'DOMAIN', 'LOCATION'], ...backends]),
    '',
    tiers.length === 0
      ? 'no tiers yet: add one with --tier'
      : table([['TIER', 'PROFILE', 'SURVIVES', 'BACKENDS'], ...tiers]),
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
        type: { ...optionalText, placeholder: 'TYPE', brief: 'directory; may be left out where NAME is a type' },
        path: { ...optionalText, placeholder: 'DIR', brief: 'folder of a directory backend' },
        domain: {
          ...optionalText,
          placeholder: 'NAME',
          brief: 'backends with the same failure domain are lost together; left out, its own',
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
      },
    },
    docs: {
      brief: 'show or change backends and tiers',
      fullDescription:
        'Adds a backend (--add-backend) or adds or changes a tier (--tier) in valence.yaml, and shows what is configured.',
      customUsage: [
        '',
        '--add-backend NAME [--type directory] --path DIR [--domain NAME]',
        '--tier NAME --backends A,B,C (--erasure K/N | --copies N)',
      ],
    },
  }),
  {
    exits: ['config/no-home', 'config/invalid', 'home/locked'],
    json: [
      '{"type":"configuration","file","vaultId","backends":[{"name","type","location","domain"}],"tiers":[{"name","backends":[…],"profile":{"kind":"erasure","k","n"} or {"kind":"copies","count"},"survives"}]}',
    ],
  },
);
