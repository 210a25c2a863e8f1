/**
 * What `produce` emits, one at a time, as an async iterable: for values that exist only while a callback runs, such as a
 * database transaction. `emit` resolves when the consumer asks for the next value. A consumer that stops early, or fails,
 * ends the callback by a rejection of `emit`.
 */
export async function* handedOut<T>(
  produce: (emit: (value: T) => Promise<void>) => Promise<void>,
): AsyncGenerator<T, void, undefined> {
  let offer: (offered: Offered<T>) => void;
  let offered = new Promise<Offered<T>>((resolve) => (offer = resolve));
  let stopped = false;
  const done = produce(
    (value) =>
      new Promise<void>((resume, stop) => {
        offer({ value, resume, stop });
      }),
  ).then(
    () => offer(null),
    (error: unknown) => {
      offer(null);
      // What a producer says that was made to stop is no failure, in whatever words its callers put it.
      if (!stopped) throw error;
    },
  );
  // Heard when it is awaited below; until then it must not count as unhandled.
  done.catch(() => {});
  let pending: Offered<T> = null;
  try {
    for (pending = await offered; pending !== null; pending = await offered) {
      yield pending.value;
      offered = new Promise((resolve) => (offer = resolve));
      pending.resume();
    }
  } finally {
    stopped = pending !== null;
    pending?.stop(new Error('nobody reads on'));
    await done;
  }
}

type Offered<T> = { readonly value: T; readonly resume: () => void; readonly stop: (reason: Error) => void } | null;
