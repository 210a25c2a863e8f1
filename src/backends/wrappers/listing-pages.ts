import type { ObjectInfo } from '../backend.ts';

/** What S3 gives in one answer, and bills as one call. */
const PAGE_OBJECTS = 1000;

/** The same objects; `begin` is awaited before the first and after each further thousand, as a store is called then. */
export async function* objectsInPages(
  listing: AsyncIterable<ObjectInfo>,
  begin: () => Promise<void> | void,
): AsyncGenerator<ObjectInfo, void, undefined> {
  let count = 0;
  await begin();
  for await (const object of listing) {
    if (count > 0 && count % PAGE_OBJECTS === 0) await begin();
    count += 1;
    yield object;
  }
}
