import type { BeliefStatus } from '../graph/records/vocabulary.ts';

/** What `valence embed` and `valence model …` call; `embed.ts` and `models.ts` implement it. */
export interface EmbedCalls {
  /**
   * Gives beliefs that have no embedding of a model one, made by the endpoint that valence.yaml names under `embedders`.
   * What was stored stays, however it ends, and the next call goes on from there. Any number may run at once.
   * @throws `config/invalid` when no embedder is configured for the model, or several are and none is named;
   *   `embedding/*` when the endpoint fails, and not only with single beliefs
   */
  embed(options?: EmbedOptions): Promise<EmbedReport>;
  readonly model: ModelCalls;
}

export interface EmbedOptions {
  /** Left out: `search.model` of valence.yaml, else the only one that is configured. */
  readonly model?: string | undefined;
  /** Only beliefs of this domain. */
  readonly domain?: string | undefined;
  /** Only beliefs that stand so, or `all`; left out: all but archived ones. */
  readonly status?: BeliefStatus | 'all' | undefined;
  /** At most so many beliefs. */
  readonly limit?: number | undefined;
  /** Only count. */
  readonly dryRun?: boolean | undefined;
}

export interface EmbedReport {
  readonly type: 'embed';
  readonly model: string;
  /** Host and port of the endpoint. */
  readonly host: string;
  /** Numbers a vector; `null` while there is none. */
  readonly dimensions: number | null;
  readonly dryRun: boolean;
  /** Beliefs that got an embedding; in a dry run, that would be sent. */
  readonly embedded: number;
  /** Of these, those of which only the beginning was sent (`max-chars`). */
  readonly cut: number;
  /** Beliefs that the endpoint did not take, or gave no usable vector for. */
  readonly failed: number;
  /** The first hundred of them. */
  readonly failures: readonly EmbedFailure[];
  /** Beliefs of those asked for that still have no embedding. */
  readonly missing: number;
  /** Nothing failed, and nothing is missing but what `limit` left out. Always true of a dry run. */
  readonly complete: boolean;
}

export interface EmbedFailure {
  readonly id: string;
  readonly reason: string;
}

export interface ModelCalls {
  /** Those of the database and those of valence.yaml, by name. */
  list(): Promise<readonly ModelRecord[]>;
  /**
   * Deletes a model with its embeddings and its index; valence.yaml stays as it is.
   * @throws `graph/not-found`
   */
  remove(name: string): Promise<ModelRemoval>;
}

export interface ModelRecord {
  readonly type: 'model';
  readonly name: string;
  /** `null`: the database has none of its vectors, and valence.yaml does not say. */
  readonly dimensions: number | null;
  readonly embeddings: number;
  /** Beliefs that are not archived and have no embedding of it. */
  readonly missing: number;
  /** Whether searches by it have an index; without one they compare with every embedding. */
  readonly indexed: boolean;
  /** Host and port of the endpoint that valence.yaml names; `null`: none. */
  readonly host: string | null;
}

export interface ModelRemoval {
  readonly type: 'model-removed';
  readonly name: string;
  /** How many were deleted with it. */
  readonly embeddings: number;
}
