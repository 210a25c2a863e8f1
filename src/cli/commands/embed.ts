import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import { BELIEF_STATUSES } from '../../app/knowledge-calls.ts';
import type { BeliefStatus } from '../../app/knowledge-calls.ts';
import type { CliContext } from '../command-context.ts';
import { DATABASE_EXITS, withNotes } from '../command-help.ts';
import { count, text } from '../parsers.ts';
import { describeEmbedding } from '../render/embedding.ts';

interface Flags {
  readonly model?: string | undefined;
  readonly domain?: string | undefined;
  readonly status?: BeliefStatus | 'all' | undefined;
  readonly limit?: number | undefined;
  readonly dryRun?: boolean | undefined;
}

async function embed(this: CliContext, flags: Flags): Promise<void> {
  const valence = await this.open();
  const report = await valence.embed(flags);
  if (!report.complete) this.settle('degraded');
  await this.output.result(report, () => describeEmbedding(report));
}

export const embedCommand: Command<CliContext> = withNotes(
  buildCommand<Flags, [], CliContext>({
    func: embed,
    parameters: {
      flags: {
        model: {
          kind: 'parsed',
          parse: text,
          optional: true,
          placeholder: 'NAME',
          brief: 'an embedder of valence.yaml; left out, search.model or the only one',
        },
        domain: {
          kind: 'parsed',
          parse: text,
          optional: true,
          placeholder: 'NAME',
          brief: 'only beliefs of this domain',
        },
        status: {
          kind: 'enum',
          values: [...BELIEF_STATUSES, 'all'],
          optional: true,
          brief: 'only beliefs that stand so; left out, all but archived ones',
        },
        limit: { kind: 'parsed', parse: count, optional: true, placeholder: 'N', brief: 'at most so many beliefs' },
        dryRun: {
          kind: 'boolean',
          optional: true,
          withNegated: false,
          brief: 'only say how many have none; the endpoint is not asked',
        },
      },
    },
    docs: {
      brief: 'make the embeddings that beliefs have not got',
      fullDescription:
        'Sends the beliefs that have no embedding of a model to the endpoint that valence.yaml names for it under embedders\n' +
        '(docs/configuration.md), and stores what comes back. What was stored stays, however the command ends: run again, it goes\n' +
        'on from there. A belief that the endpoint does not take is named at the end, and the exit status is then 3.',
    },
  }),
  {
    exits: [
      ...DATABASE_EXITS,
      'degraded',
      'embedding/unavailable',
      'embedding/refused',
      'embedding/malformed',
      'graph/refused',
    ],
    json: [
      '{"type":"embed","model","host","dimensions","dryRun","embedded","cut","failed","failures":[{"id","reason"}],"missing","complete"}',
    ],
  },
);
