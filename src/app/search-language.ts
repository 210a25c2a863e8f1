import { LANGUAGE_DEFAULT } from '../config/search.ts';
import { isValenceError } from '../core/errors.ts';
import type { AppContext } from './context.ts';

/** What the home says texts are searched in; the default where there is no home. @throws `config/invalid` */
export async function searchLanguage(context: AppContext): Promise<string> {
  return (await context.config())?.search.language ?? LANGUAGE_DEFAULT;
}

/** The same for building an index, which a file that is wrong elsewhere must not stop; `null`: better none than another. */
export async function languageToIndex(context: AppContext): Promise<string | null> {
  try {
    return await searchLanguage(context);
  } catch (error) {
    if (isValenceError(error, 'config/invalid')) return null;
    throw error;
  }
}
