import type { Backend } from '../backends/backend.ts';
import type { Meter } from '../backends/wrappers/meter.ts';
import { parseLocation } from '../config/location.ts';
import type { BackendConfig, Config, RawBackend } from '../config/schema.ts';
import { isSecretMissing } from '../config/secret-reference.ts';
import { isValenceError } from '../core/errors.ts';
import type { ValenceError } from '../core/errors.ts';
import type { ConfiguredBackend } from '../pipeline/holders.ts';
import type { Blemish } from '../vault/places.ts';
import type { AppContext } from './context.ts';
import { openBackend } from './open-backend.ts';
import type { Opening } from './open-backend.ts';

/** Opens backends: those that the configuration names, and those that a command names by location. */

export interface OpenedBackends<B> {
  readonly backends: readonly B[];
  /** Configured or named, but not there. */
  readonly away: readonly Blemish[];
}

/** A backend that a command named. */
export interface LocatedBackend {
  readonly backend: Backend;
  /** How `valence.yaml` would say it; null where it cannot. */
  readonly written: RawBackend | null;
}

export interface HowToOpen extends Pick<Opening, 'storageClass'> {
  /** Who counts the calls of a backend. */
  readonly meterOf?: ((name: string) => Meter) | undefined;
}

/** The backends of these names; those that are down, or whose secrets cannot be had, are given back as away. */
export async function openConfigured(
  context: AppContext,
  config: Config,
  names: readonly string[],
  how: HowToOpen = {},
): Promise<OpenedBackends<ConfiguredBackend>> {
  const { storageClass, meterOf } = how;
  return openAll(
    names,
    async (name) => {
      const backend = config.backends.get(name)!;
      const opening = { name, isConfigured: true, storageClass, meter: meterOf?.(name) };
      return {
        backend: await openBackend(context, backend, opening),
        name,
        type: backend.type,
        domains: backend.domains,
      };
    },
    (name) => config.backends.get(name)!.location,
  );
}

/** Places named with `--from`: a configured name where there is a home, else a path or a URL. @throws `usage/invalid` */
export async function openLocations(
  context: AppContext,
  locations: readonly string[],
): Promise<OpenedBackends<LocatedBackend>> {
  const config = await context.config();
  const located = locations.map((location) => locate(config, location));
  return openAll(
    located,
    async ({ backend, opening }) => ({
      backend: await openBackend(context, backend, opening),
      written: opening.root === null ? backend.written : null,
    }),
    ({ opening }) => opening.name,
  );
}

/** What a configured name or a location stands for. @throws `usage/invalid` */
export function locate(
  config: Config | null,
  location: string,
): { readonly backend: BackendConfig; readonly opening: Opening } {
  const configured = config?.backends.get(location);
  if (configured !== undefined) {
    return { backend: configured, opening: { name: location, isConfigured: true, root: null } };
  }
  const { backend, root } = parseLocation(location);
  // A path is called as the person wrote it, a URL without what stands behind its `?`.
  const name = backend.type === 'directory' ? location : backend.location;
  return { backend, opening: { name, isConfigured: false, root } };
}

async function openAll<T, B extends { readonly backend: Backend }>(
  items: readonly T[],
  open: (item: T) => Promise<B>,
  locationOf: (item: T) => string,
): Promise<OpenedBackends<B>> {
  const backends: B[] = [];
  const away: Blemish[] = [];
  const results = await Promise.allSettled(items.map(open));
  for (const [i, result] of results.entries()) {
    if (result.status === 'fulfilled') backends.push(result.value);
    else if (isAway(result.reason)) away.push({ location: locationOf(items[i]!), error: result.reason });
  }
  const fault = results.find((result) => result.status === 'rejected' && !isAway(result.reason));
  if (fault?.status === 'rejected') throw fault.reason;
  return { backends, away };
}

/** Down, gone, or closed to us, also for want of a secret: the others may do. */
function isAway(error: unknown): error is ValenceError {
  return isValenceError(error, 'backend/unavailable', 'backend/not-found', 'backend/denied') || isSecretMissing(error);
}
