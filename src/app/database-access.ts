import type { Session } from '../schema/database.ts';
import type { AppContext } from './context.ts';

/** One state of the database, whatever is written meanwhile. */
export async function read<T>(context: AppContext, run: (session: Session) => Promise<T>): Promise<T> {
  return (await context.database()).transaction({ mode: 'snapshot' }, run);
}

/** What resolved is durable. */
export async function write<T>(context: AppContext, run: (session: Session) => Promise<T>): Promise<T> {
  const database = await context.database();
  const result = await database.transaction({ mode: 'write' }, run);
  await database.sync();
  return result;
}
