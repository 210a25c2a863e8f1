import { z } from 'zod';
import { line, SECTION_RULE, text } from './backends/fields.ts';
import type { SectionOf } from './backends/fields.ts';

/** How `valence search` reads texts, and whose vectors it compares. */
export interface SearchConfig {
  /** A text search configuration of Postgres; whether the database knows it is found out when it is asked. */
  readonly language: string;
  /** Name of a model; `null`: the only one there is. */
  readonly model: string | null;
}

/** What the file says of it. */
export interface RawSearch {
  readonly language?: string | undefined;
  readonly model?: string | undefined;
}

export const LANGUAGE_DEFAULT = 'english';

export const searchSchema: SectionOf<RawSearch> = z.strictObject(
  {
    language: text
      .refine((value) => /^[a-z_][a-z0-9_]{0,47}$/.test(value), {
        error: 'must be the name of a text search configuration of Postgres, like english or simple',
      })
      .optional(),
    model: line.optional(),
  },
  { error: SECTION_RULE },
);

export function completeSearch(raw: RawSearch | null | undefined): SearchConfig {
  return { language: raw?.language ?? LANGUAGE_DEFAULT, model: raw?.model ?? null };
}
