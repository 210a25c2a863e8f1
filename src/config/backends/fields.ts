import { z } from 'zod';
import { isSecretReference, SECRET_RULE } from '../secret-reference.ts';

/** What the values of `valence.yaml` are made of. Messages read on from the path of a key, and never repeat a value. */

/** The schema of a section whose values have the types of `T`. */
export type SectionOf<T> = z.ZodObject<{ readonly [K in keyof T]-?: z.ZodType<T[K]> }, z.core.$strict>;

export const NAME_RULE = 'must be 1 to 32 of a-z, 0-9 and -, and not begin with -';
export const SECTION_RULE = 'must be a section of keys and values';

/** Whether a backend, a tier or a device may be called so. */
export function isConfigName(value: string): boolean {
  return /^[a-z0-9][a-z0-9-]{0,31}$/.test(value);
}

export const LABEL_RULE = 'must be 1 to 64 of a-z, 0-9, . and -, and begin with a letter or digit';

/** Whether a failure domain may be called so. */
export function isDomainLabel(value: string): boolean {
  return /^[a-z0-9][a-z0-9.-]{0,63}$/.test(value);
}

/** `is missing`, or what the value must be. */
export function missingOr(otherwise: string): (issue: { readonly input?: unknown }) => string {
  return (issue) => (issue.input === undefined ? 'is missing' : otherwise);
}

export const text: z.ZodString = z.string({ error: missingOr('must be text') });
export const name: z.ZodString = text.refine(isConfigName, { error: NAME_RULE });
export const flag: z.ZodBoolean = z.boolean({ error: 'must be true or false' });

/** The name of a device, owner, region or provider: host names are among them. */
export const label: z.ZodString = text.refine(isDomainLabel, { error: LABEL_RULE });

/** Text on one line, not empty. */
export const line: z.ZodString = text.refine((value) => /^\P{Cc}+$/u.test(value), {
  error: 'must be text on one line, and not empty',
});

export const secret: z.ZodString = text.refine(isSecretReference, { error: SECRET_RULE });

/** A folder or file of this machine. */
export const path: z.ZodString = text
  .min(1, { error: 'must not be empty' })
  .refine((value) => !value.startsWith('~') && !value.includes('\0'), { error: 'must be written out, without ~' });

/** Text that `parse` can read. */
export function parsed(parse: (value: string) => unknown, rule: string): z.ZodString {
  return text.refine((value) => parse(value) !== null, { error: rule });
}

export function oneOf<T extends string>(values: readonly T[]): z.ZodType<T> {
  return z.enum(values, { error: missingOr(`must be one of ${values.join(', ')}`) });
}

/** The URL of a service. It would be printed with a password in it, so there may be none. */
export const serviceUrl: z.ZodString = text
  .refine((value) => /^https?:\/\/[^/]/.test(value) && URL.canParse(value), {
    error: 'must be an http:// or https:// URL',
  })
  .refine((value) => !/^https?:\/\/[^/?#]*@/.test(value), { error: 'must not hold a user name or a password' })
  .refine((value) => !/[?#]/.test(value), { error: 'must end with its path, without ? and #' });

export const storageClass: z.ZodString = text.refine((value) => /^[A-Z][A-Z0-9_]{1,63}$/.test(value), {
  error: 'must be a storage class, like STANDARD_IA',
});

/** Host names and addresses, without a port. */
export const host: z.ZodString = text.refine((value) => /^(?!-)[A-Za-z0-9.:_-]{1,255}$/.test(value), {
  error: 'must be the name or address of a host',
});

export const port: z.ZodNumber = z
  .int({ error: 'must be a whole number' })
  .min(1, { error: 'must be from 1 to 65535' })
  .max(65_535, { error: 'must be from 1 to 65535' });
