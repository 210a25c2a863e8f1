import type { Timer } from '../../core/clock.ts';
import { systemTimer } from '../../core/clock.ts';
import type { Random } from '../../core/random.ts';
import { systemRandom } from '../../core/random.ts';
import type { Backend } from '../backend.ts';
import { limitConcurrency } from './concurrency.ts';
import { dryRun } from './dry-run.ts';
import { Limits, limitRates } from './limit.ts';
import { Meter, meterCalls } from './meter.ts';
import { readOnly } from './read-only.ts';
import type { RememberingOptions } from './remembering.ts';
import { rememberWrites } from './remembering.ts';
import type { RetryOptions } from './retry.ts';
import { retryCalls } from './retry.ts';
import { Slots } from './slots.ts';
import type { TimeoutOptions } from './timeout.ts';
import { limitTime } from './timeout.ts';

export interface WrapOptions {
  /** How errors call the backend. */
  readonly name: string;
  /** `null`: the kind ends slow calls itself. */
  readonly timeout?: Omit<TimeoutOptions, 'name' | 'timer'> | null | undefined;
  /** Counts every try; one without prices unless given. */
  readonly meter?: Meter | undefined;
  /** None unless given. */
  readonly limits?: Limits | undefined;
  /** `null`: no second try, e.g. for a folder on a disk of this machine. */
  readonly retry?: Omit<RetryOptions, 'random' | 'timer'> | null | undefined;
  /** As many as the traits allow unless given. */
  readonly slots?: Slots | undefined;
  /** For a key that cannot read. */
  readonly remember?: Omit<RememberingOptions, 'name'> | undefined;
  /** Everything is done unless given. */
  readonly mode?: 'read-only' | 'dry-run' | undefined;
  readonly timer?: Timer | undefined;
  readonly random?: Random | undefined;
}

/**
 * A backend with all that a kind does not do itself, in the order and for the reasons of decision 0014: each try is timed,
 * metered and limited; waiting for a turn counts against no timeout; a call keeps its slot between its tries, so that a
 * store in trouble gets fewer calls, not more.
 */
export function wrapBackend(inner: Backend, options: WrapOptions): Backend {
  const { name, timer = systemTimer, random = systemRandom } = options;
  const { timeout = {}, meter = new Meter(timer), limits = new Limits(timer), retry = {}, slots } = options;
  let backend = inner;
  if (timeout !== null) backend = limitTime(backend, { ...timeout, name, timer });
  backend = meterCalls(backend, meter);
  backend = limitRates(backend, limits);
  if (retry !== null) backend = retryCalls(backend, { ...retry, timer, random });
  backend = limitConcurrency(backend, slots ?? new Slots(inner.traits.maxConcurrency));
  if (options.remember !== undefined) backend = rememberWrites(backend, { ...options.remember, name });
  if (options.mode === 'read-only') return readOnly(backend, { name });
  return options.mode === 'dry-run' ? dryRun(backend, { name }) : backend;
}
