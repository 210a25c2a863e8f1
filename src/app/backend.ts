import { checkBackend } from '../backends/check/check-backend.ts';
import { isConfigName } from '../config/backends/fields.ts';
import type { Config } from '../config/schema.ts';
import { ValenceError } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';
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
  const configured = await context.config();
  refuseUnknownName(configured, place);
  const { backend: config, opening } = locate(configured, place);
  // A folder that is missing is a disk that is not mounted: to make it would let a run fill the wrong one.
  const backend = await openBackend(context, config, { ...opening, keepsNothing: true });
  try {
    for await (const { hint = null, ...result } of checkBackend(backend, { clock, random, signal, progress })) {
      yield { type: 'backend-check', backend: place, ...result, hint };
    }
  } finally {
    await context.release(backend);
  }
}

/** A slip in a name is no folder that happens to be called so. @throws `usage/invalid` */
function refuseUnknownName(config: Config | null, place: string): void {
  if (config === null || config.backends.has(place) || !isConfigName(place)) return;
  const names = [...config.backends.keys()];
  const near = nearest(place, names);
  const known = near === null ? `the backends are ${names.join(', ') || 'none'};` : `did you mean ${near}?`;
  throw new ValenceError('usage/invalid', `there is no backend ${place}`, {
    hint: `${known} a folder is written ./${place}`,
  });
}
