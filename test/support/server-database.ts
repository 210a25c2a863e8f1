import pg from 'pg';
import type { Database } from '../../src/schema/database.ts';
import { migrate } from '../../src/schema/migrator.ts';
import { openDatabase } from '../../src/schema/open-database.ts';
import { migratedDatabase } from './fresh-database.ts';
import type { TestDatabase } from './postgres.ts';

/** A database of the run's server with our tables, and connections to it past everything of ours. */
export class ServerDatabase implements AsyncDisposable {
  readonly url: string;
  readonly database: Database;
  readonly #kept: AsyncDisposable[];

  private constructor(url: string, database: Database, kept: AsyncDisposable[]) {
    this.url = url;
    this.database = database;
    this.#kept = kept;
  }

  /** On the run's server, or in this database. */
  static async open(existing?: TestDatabase): Promise<ServerDatabase> {
    const home = existing ?? (await migratedDatabase());
    const database = await openDatabase({ url: home.url });
    if (existing !== undefined) await migrate(database);
    return new ServerDatabase(home.url, database, [home, database]);
  }

  /** A connection of its own, in the schema of the substrate; ended with the database. */
  async connect(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: this.url });
    // Dropping a database ends its connections.
    client.on('error', () => {});
    await client.connect();
    this.#kept.push({ [Symbol.asyncDispose]: () => client.end() });
    await client.query('SET search_path = valence, public');
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const resource of this.#kept.splice(0).reverse()) await resource[Symbol.asyncDispose]();
  }
}
