import pg from 'pg';

/** The rows of one statement, by a connection of its own. */
export async function rowsOf<T extends pg.QueryResultRow>(
  url: string,
  statement: string,
  values: readonly unknown[] = [],
): Promise<readonly T[]> {
  return withClient(url, async (client) => (await client.query<T>(statement, [...values])).rows);
}

/** One connection, open for as long as `work` takes. */
export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
