import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import { ValenceError } from '../../../core/errors.ts';
import type { CliContext } from '../../command-context.ts';
import { DATABASE_EXITS, withNotes } from '../../command-help.ts';
import { viewFlags } from '../../graph-flags.ts';
import { count, idBeginning, text } from '../../parsers.ts';
import { describeWhatIf, LOST_JSON } from '../../render/losses.ts';
import { describePropagation } from '../../render/propagation.ts';

interface Flags {
  readonly without?: readonly string[] | undefined;
  readonly limit?: number | undefined;
  readonly domain?: string | undefined;
  readonly all?: boolean | undefined;
  readonly asOf?: string | undefined;
}

async function graphPropagate(this: CliContext, flags: Flags): Promise<void> {
  const { without = [], limit, domain, all, asOf } = flags;
  const valence = await this.open();
  if (without.length === 0) {
    const found = await valence.graph.propagate({ limit, domain, all, as_of: asOf });
    await this.output.result(found, () => describePropagation(found));
    return;
  }
  if (domain !== undefined || all === true) {
    throw new ValenceError('usage/invalid', '--without does not go together with --domain or --all');
  }
  const found = await valence.graph.whatIf(without, { limit, as_of: asOf });
  await this.output.result(found, () => describeWhatIf(found));
}

export const graphPropagateCommand: Command<CliContext> = withNotes(
  buildCommand<Flags, [], CliContext>({
    func: graphPropagate,
    parameters: {
      flags: {
        without: {
          kind: 'parsed',
          parse: idBeginning,
          variadic: true,
          optional: true,
          placeholder: 'ID',
          brief: 'what would be lost if this belief, source or edge were retired; repeat for several',
        },
        limit: {
          kind: 'parsed',
          parse: count,
          optional: true,
          placeholder: 'N',
          brief: 'show at most so many; 20 when left out',
        },
        domain: {
          kind: 'parsed',
          parse: text,
          optional: true,
          placeholder: 'NAME',
          brief: 'show only beliefs of this domain',
        },
        all: {
          kind: 'boolean',
          optional: true,
          withNegated: false,
          brief: 'show superseded and archived beliefs too, whose strength is 0',
        },
        asOf: viewFlags.asOf,
      },
    },
    docs: {
      brief: 'how well each belief is supported, beside its stated confidence',
      fullDescription:
        'Computes from the edges how well each belief is supported, and shows those first whose strength differs most from their ' +
        'stated confidence. A belief has a ground if it has a source that is not retired, was stated without any source or ' +
        'derivation, or derives from one that has a ground. Its strength is its confidence (0 without a ground), raised by what ' +
        'supports it and lowered by what contradicts it. Writes nothing: the stated confidence stays.',
    },
  }),
  {
    exits: [...DATABASE_EXITS, 'graph/not-found', 'graph/refused'],
    json: [
      '{"type":"propagation","as_of","grounded","ungrounded","rounds","residual","total","beliefs":[{belief, "grounded","strength"}]}',
      `{"type":"what-if","without":[{"kind":"belief|source|edge","id"}],"as_of","lost":${LOST_JSON}}, with --without`,
    ],
  },
);
