/** Backends by themselves: interfaces only; `backend.ts` implements them. */
export interface BackendCalls {
  /**
   * Holds a backend to every promise that backups rely on: writes, reads back and deletes some 10 MB under a prefix of its
   * own, and leaves nothing behind. `place`: a configured name, or a location as of `restore`; where a folder is missing it is made.
   * Yields each check as it ends. @throws `backend/*` where it cannot be opened, `config/invalid`, `usage/invalid`
   */
  check(place: string): AsyncIterable<BackendCheck>;
}

export interface BackendCheck {
  readonly type: 'backend-check';
  /** As it was named. */
  readonly backend: string;
  readonly check: string;
  /** `warned`: it can be used, but less well. */
  readonly status: 'passed' | 'failed' | 'warned' | 'not-applicable';
  /** What was found. */
  readonly detail: string;
  readonly hint: string | null;
  readonly milliseconds: number;
}
