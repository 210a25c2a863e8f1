import type { Database } from './database.ts';

/** Where a database is: a server's URL, the folder of an embedded one, or memory (for tests). */
export type DatabaseLocation = { readonly url: string } | { readonly folder: string } | { readonly memory: true };

/**
 * Opens a database without touching its tables; only the engine asked for is loaded.
 * @throws `config/invalid` for a bad URL, `database/unavailable` when it cannot be reached or opened
 */
export async function openDatabase(location: DatabaseLocation): Promise<Database> {
  if ('url' in location) {
    const { openPostgres } = await import('./postgres-database.ts');
    return openPostgres(location.url);
  }
  const { openPglite } = await import('./pglite-database.ts');
  return openPglite('folder' in location ? location.folder : null);
}
