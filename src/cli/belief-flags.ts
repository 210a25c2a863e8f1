import type { FlagParametersForType } from '@stricli/core';
import { BELIEF_STATUSES } from '../app/knowledge-calls.ts';
import type { BeliefChange, BeliefStatus, JsonObject } from '../app/knowledge-calls.ts';
import type { CliContext } from './command-context.ts';
import { fraction, jsonObject, text } from './parsers.ts';
import { TIME_FORMS, timeFlag } from './time-input.ts';

/** The options that say what a belief is, for `belief add` and `belief set`. */
export interface BeliefFlags {
  readonly confidence?: number | undefined;
  readonly domain?: readonly string[] | undefined;
  readonly status?: BeliefStatus | undefined;
  readonly validFrom?: string | undefined;
  readonly validUntil?: string | undefined;
  readonly dimensions?: JsonObject | undefined;
  readonly metadata?: JsonObject | undefined;
}

const object = { kind: 'parsed', parse: jsonObject, optional: true, placeholder: 'JSON' } as const;

export const beliefFlags: FlagParametersForType<BeliefFlags, CliContext> = {
  confidence: { kind: 'parsed', parse: fraction, optional: true, placeholder: '0..1', brief: 'how sure' },
  domain: {
    kind: 'parsed',
    parse: text,
    variadic: true,
    optional: true,
    placeholder: 'NAME',
    brief: 'a domain it belongs to; repeat for each',
  },
  status: { kind: 'enum', values: BELIEF_STATUSES, optional: true, brief: 'where it stands' },
  validFrom: { ...timeFlag, brief: `true from then on, ${TIME_FORMS}` },
  validUntil: { ...timeFlag, brief: 'true until then' },
  dimensions: { ...object, brief: 'confidence in its parts, an object' },
  metadata: { ...object, brief: 'whatever else, an object' },
};

/** What was named; the rest is left out. */
export function beliefChange(flags: BeliefFlags): BeliefChange {
  return {
    confidence: flags.confidence,
    domains: flags.domain,
    status: flags.status,
    valid_from: flags.validFrom,
    valid_until: flags.validUntil,
    dimensions: flags.dimensions,
    metadata: flags.metadata,
  };
}
