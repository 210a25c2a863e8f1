import type { Database } from './database.ts';

/**
 * Where a database is: a server's URL, the folder of an embedded one, which is made there unless it must be `existing`, or
 * memory.
 */
export type DatabaseLocation =
  | { readonly url: string }
  | { readonly folder: string; readonly existing?: boolean | undefined }
  | { readonly memory: true };

/**
 * Opens a database without touching its tables; only the engine asked for is loaded.
 * @throws `config/invalid` for a bad URL, `database/unavailable` when it cannot be reached or opened, and what `openPglite`
 * throws
 */
export async function openDatabase(location: DatabaseLocation): Promise<Database> {
  if ('url' in location) {
    const { openPostgres } = await import('./postgres-database.ts');
    return openPostgres(location.url);
  }
  const { openPglite } = await import('./pglite-database.ts');
  return 'folder' in location ? openPglite(location.folder, location) : openPglite(null);
}
