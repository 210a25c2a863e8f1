import type { SectionOf } from './fields.ts';

/** What the configuration knows of one kind of backend. */
export interface Kind<Raw, Config> {
  readonly schema: SectionOf<Raw>;
  /** What is wrong with keys that are each right by themselves. */
  readonly problems: (raw: Raw) => readonly KindProblem[];
  /** The same, with every path absolute; those that are not are taken from `folder`. */
  readonly absolute: (raw: Raw, folder: string) => Raw;
  /** With defaults filled in. `name` is that of the backend. */
  readonly complete: (raw: Raw, name: string, folder: string) => Config;
  readonly place: (config: Config) => StoredAt;
  /** Printable, without secrets. */
  readonly location: (config: Config) => string;
}

export interface KindProblem {
  readonly key: string;
  /** The key itself is wrong, not its value; or it is missing. */
  readonly atKey: boolean;
  readonly message: string;
  readonly hint?: string | undefined;
}

/** Two backends of one store share their objects where one's path is the other's, or leads there. */
export interface StoredAt {
  readonly store: string;
  /** `/`-separated. */
  readonly path: string;
  /** The key that says so. */
  readonly key: string;
}
