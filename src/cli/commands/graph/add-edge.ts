import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import { EDGE_TYPES } from '../../../app/knowledge-calls.ts';
import type { EdgeType, JsonObject } from '../../../app/knowledge-calls.ts';
import type { CliContext } from '../../command-context.ts';
import { DATABASE_EXITS, withNotes } from '../../command-help.ts';
import { fraction, jsonObject } from '../../parsers.ts';
import { EDGE_JSON, edgeLine } from '../../render/edge.ts';
import { beliefArgument } from '../../shared-arguments.ts';
import { TIME_FORMS, timeFlag } from '../../time-input.ts';

interface Flags {
  readonly type: EdgeType;
  readonly weight?: number | undefined;
  readonly validFrom?: string | undefined;
  readonly validUntil?: string | undefined;
  readonly metadata?: JsonObject | undefined;
}

async function graphAddEdge(this: CliContext, flags: Flags, source: string, target: string): Promise<void> {
  const valence = await this.open();
  const { type, weight, validFrom, validUntil, metadata } = flags;
  const validity = { valid_from: validFrom, valid_until: validUntil };
  const edge = await valence.graph.addEdge({ source, target, edge_type: type, weight, ...validity, metadata });
  await this.output.result(edge, () => edgeLine(edge));
}

export const graphAddEdgeCommand: Command<CliContext> = withNotes(
  buildCommand<Flags, [string, string], CliContext>({
    func: graphAddEdge,
    parameters: {
      flags: {
        type: { kind: 'enum', values: EDGE_TYPES, brief: 'what SOURCE does to TARGET' },
        weight: {
          kind: 'parsed',
          parse: fraction,
          optional: true,
          placeholder: '0..1',
          brief: 'how strongly; 1 when left out',
        },
        validFrom: { ...timeFlag, brief: `true from then on, ${TIME_FORMS}` },
        validUntil: { ...timeFlag, brief: 'true until then' },
        metadata: {
          kind: 'parsed',
          parse: jsonObject,
          optional: true,
          placeholder: 'JSON',
          brief: 'whatever else, an object',
        },
      },
      positional: {
        kind: 'tuple',
        parameters: [
          { ...beliefArgument, placeholder: 'SOURCE' },
          { ...beliefArgument, placeholder: 'TARGET' },
        ],
      },
    },
    docs: {
      brief: 'join two beliefs',
      fullDescription:
        'Joins two beliefs. A contradiction is mutual and stored once; what is superseded is retired in the same transaction.',
    },
  }),
  { exits: [...DATABASE_EXITS, 'graph/not-found', 'graph/refused'], json: [EDGE_JSON] },
);
