import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import type { GraphFinding } from '../../../app/graph-calls.ts';
import type { CliContext } from '../../command-context.ts';
import { DATABASE_EXITS, withNotes } from '../../command-help.ts';
import { formatCount, plural } from '../../figures.ts';

async function graphCheck(this: CliContext): Promise<void> {
  const valence = await this.open();
  const findings = await valence.graph.check();
  for (const finding of findings) await this.output.result(finding, () => describe(finding));
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  if (errors > 0) this.settle('degraded');
  const summary = { type: 'graph-check', errors, notices: findings.length - errors };
  await this.output.result(summary, () =>
    findings.length === 0 ? 'nothing found' : `${plural(errors, 'error')}, ${plural(summary.notices, 'notice')}`,
  );
}

function describe({ severity, code, what, count, examples, todo }: GraphFinding): string {
  const more = count > examples.length ? ' …' : '';
  return [
    `${severity.padEnd(6)}  ${code} (${formatCount(count)}): ${what}`,
    ...examples.map((id, at) => `          ${id}${at === examples.length - 1 ? more : ''}`),
    `        ${todo}`,
  ].join('\n');
}

export const graphCheckCommand: Command<CliContext> = withNotes(
  buildCommand<Record<never, never>, [], CliContext>({
    func: graphCheck,
    parameters: {},
    docs: {
      brief: 'say what is wrong in the graph, and what is worth a look',
      fullDescription:
        'Looks for what the constraints of the database normally refuse (errors), and for what is allowed and perhaps not meant (notices). Changes nothing.',
    },
  }),
  {
    exits: [...DATABASE_EXITS, 'degraded'],
    json: [
      '{"type":"graph-finding","code","severity":"error|notice","what","count","examples":[ids],"todo"}',
      '{"type":"graph-check","errors","notices"}, last: how many kinds of each',
    ],
  },
);
