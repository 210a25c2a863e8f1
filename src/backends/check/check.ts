import type { CheckedPlace } from './checked-place.ts';

export type CheckName =
  | 'connection'
  | 'write'
  | 'read back'
  | 'ranges'
  | 'absent objects'
  | 'list after write'
  | 'overwrite'
  | 'delete'
  | 'concurrency'
  | 'consistency'
  | 'large object'
  | 'object lock'
  | 'speed'
  | 'clean up';

export interface Finding {
  /** `warned`: Valence works there, but less well. */
  readonly status: 'passed' | 'failed' | 'warned' | 'not-applicable';
  /** What was found: lower case, no full stop. */
  readonly detail: string;
  readonly hint?: string | undefined;
}

export interface CheckResult extends Finding {
  readonly check: CheckName;
  readonly milliseconds: number;
}

/** One group of promises. Rejects where one is broken, as `CheckedPlace` does, or where the backend does. */
export interface Check {
  readonly name: CheckName;
  /** Without it the others make no sense. */
  readonly isNeeded?: boolean;
  readonly needsReading?: boolean;
  readonly run: (place: CheckedPlace) => Promise<Finding>;
}

export const passed = (detail: string): Finding => ({ status: 'passed', detail });
