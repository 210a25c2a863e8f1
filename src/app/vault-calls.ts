/** The keys and the vault of an installation, and its health: interfaces only; `vault.ts` implements them. */

/** UUID text, the same on every backend of one vault. */
export type VaultId = string;

export interface KeyCalls {
  /**
   * Writes `master.key` under the passphrase (asked of `ValenceOptions.passphrase`) and `host.key`, both mode 0600.
   * Never replaces a key. @throws `key/passphrase`, `config/no-home`, `config/home-exists`
   */
  init(): Promise<KeysCreated>;
}

export interface KeysCreated {
  readonly type: 'keys';
  /** To be taken away from this machine. */
  readonly masterKeyPath: string;
  readonly hostKeyPath: string;
  readonly vaultId: VaultId;
  /** Of the owner's public identity; printed to be compared, never secret. */
  readonly fingerprint: string;
}

export interface VaultCalls {
  /**
   * Lets a restored home continue the vault found at `from` (the configured backends when empty): opens its key bundle with
   * the master key, writes `host.key`, and takes over into `valence.yaml` where the backends lie now, and tiers it lacks. On a host that has its key
   * already, forgets what the host remembers, so that a loss is accepted and what the places hold is taken as it is.
   * @throws `key/*`, `backend/*`, `integrity/*`; `usage/invalid` where the database holds only a part of a snapshot
   */
  attach(options: AttachOptions): Promise<VaultAttached>;
}

export interface AttachOptions {
  readonly from: readonly string[];
  /** `master.key`; left out, the one in the home if there is one. */
  readonly keyFile?: string | undefined;
}

export interface VaultAttached {
  readonly type: 'attached';
  readonly vaultId: VaultId;
  readonly hostKeyPath: string;
  readonly backends: readonly string[];
  readonly tiers: readonly string[];
}

/** One thing `valence doctor` looked at. */
export interface HealthFinding {
  readonly type: 'finding';
  readonly level: 'error' | 'warning' | 'info';
  /** What is the case, one sentence. */
  readonly what: string;
  /** What to do about it; `null` when nothing. */
  readonly todo: string | null;
}
