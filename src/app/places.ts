import { isAbsolute, resolve } from 'node:path';
import type { Backend } from '../backends/backend.ts';
import { openDirectory } from '../backends/directory/directory.ts';
import type { BackendConfig, Config } from '../config/schema.ts';
import { ValenceError, isValenceError } from '../core/errors.ts';
import type { ConfiguredBackend } from '../pipeline/holders.ts';
import type { Blemish } from '../vault/places.ts';
import type { AppContext } from './context.ts';

/** Opens backends: those that the configuration names, and those that a command names by location. */

export interface OpenedBackends<B> {
  readonly backends: readonly B[];
  /** Configured or named, but not there. */
  readonly away: readonly Blemish[];
}

/** The backends of these names; `backend/unavailable` ones are given back as away. */
export async function openConfigured(
  context: AppContext,
  config: Config,
  names: readonly string[],
): Promise<OpenedBackends<ConfiguredBackend>> {
  return openAll(
    names,
    async (name) => {
      const backend = config.backends.get(name)!;
      return {
        backend: await openBackend(context, name, backend),
        name,
        type: backend.type,
        domains: [backend.domain],
      };
    },
    (name) => config.backends.get(name)!.path,
  );
}

/** Places named with `--from`: a configured name where there is a home, else a path. */
export async function openLocations(
  context: AppContext,
  locations: readonly string[],
): Promise<OpenedBackends<Backend>> {
  const config = await context.config();
  return openAll(
    locations,
    async (location) => {
      const configured = config?.backends.get(location);
      if (configured !== undefined) return openBackend(context, location, configured);
      return openDirectory({ root: pathOf(location), name: location, mustExist: true, clock: context.clock });
    },
    (location) => location,
  );
}

function openBackend(context: AppContext, name: string, { path }: BackendConfig): Promise<Backend> {
  return openDirectory({ root: path, name, mustExist: true, clock: context.clock });
}

/** A path; other kinds of places are refused by name rather than taken for a folder. @throws `usage/invalid` */
function pathOf(location: string): string {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//.exec(location)?.[1];
  if (scheme === undefined) return isAbsolute(location) ? location : resolve(location);
  throw new ValenceError('usage/invalid', `locations of the kind ${scheme}:// are not known`, {
    hint: 'name a folder',
  });
}

async function openAll<T, B>(
  items: readonly T[],
  open: (item: T) => Promise<B>,
  locationOf: (item: T) => string,
): Promise<OpenedBackends<B>> {
  const backends: B[] = [];
  const away: Blemish[] = [];
  for (const item of items) {
    try {
      backends.push(await open(item));
    } catch (error) {
      if (!isValenceError(error, 'backend/unavailable', 'backend/not-found')) throw error;
      away.push({ location: locationOf(item), error });
    }
  }
  return { backends, away };
}
