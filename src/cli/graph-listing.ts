import type { FlagParametersForType } from '@stricli/core';
import type { Listing } from '../app/graph-calls.ts';
import type { CliContext } from './command-context.ts';
import type { JsonResult, Output } from './output.ts';
import { count, idBeginning } from './parsers.ts';

/** How queries over the whole graph are asked and answered: rows, of which the first ones are listed, then what is to be said of the whole. */

/** In JSON a line a row, and the summary last; else what `text` makes of them. */
export async function printListing<Row extends JsonResult, Summary extends JsonResult>(
  output: Output,
  listing: Listing<Row, Summary>,
  text: (listing: Listing<Row, Summary>) => string,
): Promise<void> {
  if (!output.json) return output.note(text(listing));
  for (const result of [...listing.rows, listing.summary]) await output.result(result, () => '');
}

/** Of every summary, for the help. */
export const SCOPE_JSON = '"types":[…],"as_of","known_at","shown","more"';
export const LISTING_NOTE = 'the line of the summary comes last; as_of and known_at are null where not asked for';

export interface LimitFlag {
  readonly limit?: number | undefined;
}

export const limitFlag: FlagParametersForType<LimitFlag, CliContext> = {
  limit: {
    kind: 'parsed',
    parse: count,
    optional: true,
    placeholder: 'N',
    brief: 'list at most so many; 20 when left out',
  },
};

export interface GroupFlags extends LimitFlag {
  readonly of?: string | undefined;
  readonly minSize?: number | undefined;
}

export const groupFlags: FlagParametersForType<GroupFlags, CliContext> = {
  ...limitFlag,
  of: {
    kind: 'parsed',
    parse: idBeginning,
    optional: true,
    placeholder: 'ID',
    brief: 'only the one that this belief is in, with its beliefs, of which --limit then counts',
  },
  minSize: {
    kind: 'parsed',
    parse: count,
    optional: true,
    placeholder: 'N',
    brief: 'only those of at least so many beliefs',
  },
};
