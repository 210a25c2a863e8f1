/**
 * Runs `work` on the items with at most `atOnce` under way, and gives the results in the items' order. When the consumer
 * stops early or one fails, nothing further is started.
 */
export async function* aheadInOrder<T, R>(
  items: AsyncIterable<T> | Iterable<T>,
  atOnce: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R, void, undefined> {
  const underWay: Promise<R>[] = [];
  for await (const item of items) {
    const promise = work(item);
    promise.catch(() => {});
    underWay.push(promise);
    if (underWay.length >= atOnce) yield await underWay.shift()!;
  }
  for (const promise of underWay) yield await promise;
}
