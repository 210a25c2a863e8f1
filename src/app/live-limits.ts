import { unwatchFile, watchFile } from 'node:fs';
import type { Backend } from '../backends/backend.ts';
import type { LimitRates, Limits } from '../backends/wrappers/limit.ts';
import { PassingBackend } from '../backends/wrappers/passing-backend.ts';
import type { BackendLimits } from '../config/backends/settings.ts';
import { isValenceError } from '../core/errors.ts';
import type { AppContext } from './context.ts';

/** How often the file is looked at. */
const INTERVAL_MS = 1_000;

/** What `valence.yaml` says of a backend, as the limit wrapper takes it. */
export function ratesOf({
  uploadBytesPerSecond,
  downloadBytesPerSecond,
  operationsPerSecond,
}: BackendLimits): LimitRates {
  return { uploadBytes: uploadBytesPerSecond, downloadBytes: downloadBytesPerSecond, operations: operationsPerSecond };
}

/**
 * As long as the backend is open, a change of its limits in `valence.yaml` holds within seconds, also for a command under way: by
 * hand, or by `backup config --set-backend` in another process. Changes of anything else wait for the next command.
 */
export function followLimits(inner: Backend, name: string, limits: Limits, context: AppContext): Backend {
  const path = context.home.configFile;
  const onChange = (): void => void readLimits(name, limits, context);
  watchFile(path, { interval: INTERVAL_MS, persistent: false }, onChange);
  return new FollowingBackend(inner, () => unwatchFile(path, onChange));
}

/** A file that is gone or wrong at the moment, as while somebody edits it, changes nothing. */
async function readLimits(name: string, limits: Limits, context: AppContext): Promise<void> {
  try {
    const { config } = await context.configFile();
    const backend = config.backends.get(name);
    if (backend !== undefined) limits.change(ratesOf(backend.limits));
  } catch (error) {
    if (!isValenceError(error)) throw error;
  }
}

class FollowingBackend extends PassingBackend {
  readonly #stop: () => void;

  constructor(inner: Backend, stop: () => void) {
    super(inner);
    this.#stop = stop;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    this.#stop();
    await super[Symbol.asyncDispose]();
  }
}
