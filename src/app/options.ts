import type { Clock } from '../core/clock.ts';
import type { ProgressSink } from '../core/progress.ts';
import type { Random } from '../core/random.ts';

/** How to open Valence. Everything may be left out; what is left out comes from the environment, or has the default named. */
export interface ValenceOptions {
  /** Folder of the installation. `VALENCE_HOME`, else `~/.valence`. */
  readonly home?: string | undefined;
  /** URL of a Postgres server. `DATABASE_URL`, else what `valence.yaml` says, else the database embedded in the home. */
  readonly database?: string | undefined;
  /** In place of `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Cancels whatever is under way: calls reject with the signal's reason, or with `cancelled`. */
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ProgressSink | undefined;
  /** Asked when a key must be opened or made. `VALENCE_PASSPHRASE`, else `key/passphrase`. */
  readonly passphrase?: (() => Promise<string>) | undefined;
  /** For tests. */
  readonly clock?: Clock | undefined;
  /** For tests. */
  readonly random?: Random | undefined;
}
