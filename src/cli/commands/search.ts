import { buildCommand } from '@stricli/core';
import type { Command } from '@stricli/core';
import { BELIEF_STATUSES } from '../../app/knowledge-calls.ts';
import type { BeliefStatus } from '../../app/knowledge-calls.ts';
import { EXPAND_MAX, HITS_MAX } from '../../app/search-calls.ts';
import type { ProvenanceFilter, SearchOptions } from '../../app/search-calls.ts';
import type { CliContext } from '../command-context.ts';
import { DATABASE_EXITS, withNotes } from '../command-help.ts';
import { budgetFlags, budgetOf, viewFlags, viewOf } from '../graph-flags.ts';
import type { BudgetFlags, ViewFlags } from '../graph-flags.ts';
import { countTo, fraction, provenance, text } from '../parsers.ts';
import { describeHit, describeSearch, describeSearchNeighbour, SEARCH_JSON } from '../render/search.ts';
import { TIME_FORMS, timeFlag } from '../time-input.ts';
import { readVector } from '../vector-input.ts';

interface Flags extends ViewFlags, Pick<BudgetFlags, 'timeout'> {
  readonly domain?: readonly string[] | undefined;
  readonly status?: readonly (BeliefStatus | 'all')[] | undefined;
  readonly minConfidence?: number | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly source?: readonly ProvenanceFilter[] | undefined;
  readonly limit?: number | undefined;
  readonly model?: string | undefined;
  readonly vector?: string | undefined;
  readonly textOnly?: boolean | undefined;
  readonly expand?: number | undefined;
  readonly explain?: boolean | undefined;
}

async function search(this: CliContext, flags: Flags, ...words: readonly string[]): Promise<void> {
  const values = flags.vector === undefined ? undefined : await readVector(this.io, flags.vector);
  const valence = await this.open();
  const { hits, neighbours, summary } = await valence.search(words.join(' '), {
    ...optionsOf(flags),
    vector: values && { values },
  });
  const shown = { explain: flags.explain === true, vectors: summary.vector !== null };
  for (const hit of hits) await this.output.result(hit, () => describeHit(hit, shown));
  for (const neighbour of neighbours) await this.output.result(neighbour, () => describeSearchNeighbour(neighbour));
  await this.output.result(summary, () => describeSearch(summary));
  if (summary.withoutVectors?.reason === 'embedder-failed') this.warn(summary.withoutVectors.message);
}

function optionsOf(flags: Flags): SearchOptions {
  const { domain, status, minConfidence, since, until, source, limit, model, textOnly, expand, explain } = flags;
  const statuses = status?.includes('all') === true ? BELIEF_STATUSES : (status as readonly BeliefStatus[] | undefined);
  return {
    ...{ domains: domain, statuses, minConfidence, since, until, sources: source },
    ...{ limit, model, textOnly, expand, explain },
    ...viewOf(flags),
    maxMs: budgetOf(flags).maxMs,
  };
}

export const searchCommand: Command<CliContext> = withNotes(
  buildCommand<Flags, readonly string[], CliContext>({
    func: search,
    parameters: {
      flags: {
        limit: {
          kind: 'parsed',
          parse: countTo(HITS_MAX),
          optional: true,
          placeholder: 'N',
          brief: `at most so many hits, up to ${HITS_MAX}; 10 when left out`,
        },
        domain: {
          kind: 'parsed',
          parse: text,
          variadic: true,
          optional: true,
          placeholder: 'NAME',
          brief: 'only of this domain; repeat for any of several',
        },
        status: {
          kind: 'enum',
          values: [...BELIEF_STATUSES, 'all'],
          variadic: ',',
          optional: true,
          brief: 'only those that stand so, or all; active and disputed when left out',
        },
        minConfidence: {
          kind: 'parsed',
          parse: fraction,
          optional: true,
          placeholder: '0..1',
          brief: 'only those at least so sure',
        },
        since: { ...timeFlag, brief: `only those recorded first at this time or later, ${TIME_FORMS}` },
        until: { ...timeFlag, brief: 'only those recorded first before this time' },
        source: {
          kind: 'parsed',
          parse: provenance,
          variadic: true,
          optional: true,
          placeholder: 'TYPE[:ID]',
          brief: 'only those that come from it, or from any of its type; repeat for any of several',
        },
        ...viewFlags,
        model: {
          kind: 'parsed',
          parse: text,
          optional: true,
          placeholder: 'NAME',
          brief: 'whose vectors are compared',
        },
        vector: {
          kind: 'parsed',
          parse: text,
          optional: true,
          placeholder: 'FILE',
          brief: 'compare with this vector, a JSON array of numbers; - reads standard input',
        },
        textOnly: { kind: 'boolean', optional: true, withNegated: false, brief: 'without vectors' },
        expand: {
          kind: 'parsed',
          parse: countTo(EXPAND_MAX),
          optional: true,
          placeholder: 'HOPS',
          brief: `add what is up to so many hops, at most ${EXPAND_MAX}, from hits over live edges`,
        },
        explain: { kind: 'boolean', optional: true, withNegated: false, brief: 'say why each hit is where it is' },
        timeout: budgetFlags.timeout,
      },
      positional: { kind: 'array', parameter: { parse: String, placeholder: 'TEXT', brief: 'what to look for' } },
    },
    docs: {
      brief: 'find beliefs by words and by what is near in meaning',
      fullDescription:
        'Finds beliefs by full text and by vectors, and joins both lists by reciprocal rank. Text is read as in a web search:\n' +
        'all words, "phrases", or, and -word to leave out (after --, or inside quotes). Where not enough beliefs have all words,\n' +
        'those with some of them follow. Vectors are of an embedder in valence.yaml, or given with --vector; without, full\n' +
        'text alone answers. That nothing is found is an answer too: exit 0.',
    },
  }),
  { exits: [...DATABASE_EXITS, 'graph/not-found', 'graph/refused'], json: SEARCH_JSON },
);
