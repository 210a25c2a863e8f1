import { checkBackend } from '../backends/check/check-backend.ts';
import type { BackendCalls, BackendCheck } from './backend-calls.ts';
import type { AppContext } from './context.ts';
import { openBackend } from './open-backend.ts';
import { locate } from './places.ts';

/** Implements `BackendCalls`. */
export function backendCalls(context: AppContext): BackendCalls {
  return { check: (place) => check(context, place) };
}

async function* check(context: AppContext, place: string): AsyncGenerator<BackendCheck, void, undefined> {
  const { clock, random, signal, progress } = context;
  const { backend: config, opening } = locate(await context.config(), place);
  const backend = await openBackend(context, config, { ...opening, mayMake: true, keepsNothing: true });
  try {
    for await (const { hint = null, ...result } of checkBackend(backend, { clock, random, signal, progress })) {
      yield { type: 'backend-check', backend: place, ...result, hint };
    }
  } finally {
    await context.release(backend);
  }
}
