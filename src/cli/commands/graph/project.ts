import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import { ValenceError } from '../../../core/errors.ts';
import type { CliContext } from '../../command-context.ts';
import { DATABASE_EXITS, withNotes } from '../../command-help.ts';
import { text } from '../../parsers.ts';
import { describeProjection, describeReport, PROJECTION_JSON } from '../../render/projection.ts';

interface Flags {
  readonly age: boolean;
  readonly name?: string | undefined;
  readonly status?: boolean | undefined;
  readonly drop?: boolean | undefined;
}

async function graphProject(this: CliContext, { age, name, status, drop }: Flags): Promise<void> {
  if (!age) {
    throw new ValenceError('usage/invalid', 'into what the graph is to be projected is not said', {
      hint: 'say --age: Apache AGE is all there is so far',
    });
  }
  if (status === true && drop === true) {
    throw new ValenceError('usage/invalid', '--status and --drop contradict each other', { hint: 'give one of them' });
  }
  if (drop === true) await this.confirm(`Drop the graph ${name ?? 'valence_graph'} from Apache AGE?`);
  const valence = await this.open();
  if (status === true) {
    const found = await valence.graph.projection({ name });
    await this.output.result(found, () => describeProjection(found));
  } else if (drop === true) {
    const done = await valence.graph.dropProjection({ name });
    await this.output.result(done, () => (done.dropped ? `dropped ${done.name}` : `no projection ${done.name}`));
  } else {
    const report = await valence.graph.project({ name });
    await this.output.result(report, () => describeReport(report));
  }
}

export const graphProjectCommand: Command<CliContext> = withNotes(
  buildCommand<Flags, [], CliContext>({
    func: graphProject,
    parameters: {
      flags: {
        age: { kind: 'boolean', default: false, withNegated: false, brief: 'into Apache AGE' },
        name: {
          kind: 'parsed',
          parse: text,
          optional: true,
          placeholder: 'NAME',
          brief: 'of the graph, and of the schema that AGE makes for it; valence_graph when left out',
        },
        status: {
          kind: 'boolean',
          optional: true,
          withNegated: false,
          brief: 'only tell whether it shows what the tables hold',
        },
        drop: { kind: 'boolean', optional: true, withNegated: false, brief: 'take it away; the tables stay' },
      },
    },
    docs: {
      brief: 'make a graph for Cypher of it, or bring that up to date',
      fullDescription:
        'Makes a graph of the beliefs and live edges in Apache AGE, for Cypher, or brings it up to date: by what changed where that is known and little, else whole. It is derived from the tables and in no backup. Dropping asks first, unless --yes.',
    },
  }),
  { exits: [...DATABASE_EXITS, 'database/failed', 'graph/refused'], json: PROJECTION_JSON },
);
