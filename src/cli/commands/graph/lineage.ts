import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import { ValenceError } from '../../../core/errors.ts';
import type { CliContext } from '../../command-context.ts';
import { DATABASE_EXITS, withNotes } from '../../command-help.ts';
import { budgetFlags, budgetOf, viewFlags, viewOf } from '../../graph-flags.ts';
import type { BudgetFlags, ViewFlags } from '../../graph-flags.ts';
import { count, idBeginning } from '../../parsers.ts';
import { describeLineage, describeSourceLineage } from '../../render/lineage.ts';
import { LOST_JSON } from '../../render/losses.ts';

interface Flags extends ViewFlags, BudgetFlags {
  readonly source?: boolean | undefined;
  readonly dependents?: boolean | undefined;
  readonly depth?: number | undefined;
}

async function graphLineage(this: CliContext, flags: Flags, id: string): Promise<void> {
  const valence = await this.open();
  const named = flags.source === true ? { kind: 'source', id } : await valence.graph.beliefOrSource(id);
  if (named.kind === 'source') {
    const { asOf, maxBeliefs, ...others } = flags;
    refuseOfSource(others);
    const found = await valence.graph.sourceLineage(named.id, { as_of: asOf, maxBeliefs });
    await this.output.result(found, () => describeSourceLineage(found));
    return;
  }
  const { dependents, depth } = flags;
  const options = { ...viewOf(flags), ...budgetOf(flags), dependents, depth };
  const found = await valence.graph.lineage(named.id, options);
  await this.output.result(found, () => describeLineage(found));
}

/** What would change nothing must not seem to. */
function refuseOfSource({ dependents, depth, knownAt, maxEdges, timeout }: Flags): void {
  const given = Object.entries({ dependents, depth, 'known-at': knownAt, 'max-edges': maxEdges, timeout });
  const name = given.find(([, value]) => value !== undefined)?.[0];
  if (name === undefined) return;
  throw new ValenceError('usage/invalid', `--${name} does not go together with a source`, {
    hint: 'of a source, --as-of and --max-beliefs can be given',
  });
}

export const graphLineageCommand: Command<CliContext> = withNotes(
  buildCommand<Flags, [string], CliContext>({
    func: graphLineage,
    parameters: {
      flags: {
        source: { kind: 'boolean', optional: true, withNegated: false, brief: 'ID is a source, not a belief' },
        dependents: { kind: 'boolean', optional: true, withNegated: false, brief: 'what rests on it instead' },
        depth: {
          kind: 'parsed',
          parse: count,
          optional: true,
          placeholder: 'N',
          brief: 'at most so many levels; all when left out',
        },
        ...viewFlags,
        ...budgetFlags,
      },
      positional: {
        kind: 'tuple',
        parameters: [
          { parse: idBeginning, placeholder: 'ID', brief: 'id of a belief or a source, or its first characters' },
        ],
      },
    },
    docs: {
      brief: 'what a belief rests on, or what falls with a source',
      fullDescription:
        'Shows what a belief rests on, down to sources: what it derives from and what supports it, level by level. ' +
        'Of a source: the beliefs that name it, and what loses its ground or becomes weaker if it is wrong.',
    },
  }),
  {
    exits: [...DATABASE_EXITS, 'graph/not-found', 'graph/refused'],
    json: [
      '{"type":"lineage","belief","direction":"rests-on|dependents","as_of","known_at","beliefs":[{belief, "hops","sources":[ids]}],"steps":[{"edge":{…},"from","to"}],"sources":[{…}],"stopped":null|"hops|beliefs|edges|time"}',
      `{"type":"source-lineage","source":{…},"as_of","named_by","beliefs":[{…}],"lost":${LOST_JSON}}`,
    ],
  },
);
