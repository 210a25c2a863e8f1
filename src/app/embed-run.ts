import type { EmbedderConfig } from '../config/embedders.ts';
import { ValenceError } from '../core/errors.ts';
import { isAboutText } from '../embedding/embedder.ts';
import type { Embedder } from '../embedding/embedder.ts';
import { unembeddedBeliefs } from '../graph/embedding/missing-embeddings.ts';
import type { MissingFilter, UnembeddedBelief } from '../graph/embedding/missing-embeddings.ts';
import { requireModel } from '../graph/embedding/models.ts';
import type { Model } from '../graph/embedding/models.ts';
import { storeEmbeddings } from '../graph/embedding/store-embeddings.ts';
import type { NewEmbedding } from '../graph/embedding/store-embeddings.ts';
import type { Database } from '../schema/database.ts';
import type { AppContext } from './context.ts';
import type { EmbedFailure } from './embed-calls.ts';
import { EmbedProgress } from './embed-progress.ts';

export interface EmbedTask extends Omit<MissingFilter, 'modelId'> {
  readonly database: Database;
  readonly embedder: Embedder;
  readonly config: EmbedderConfig;
  /** Null: there is none of that name yet. */
  readonly model: Model | null;
  /** At most so many beliefs. */
  readonly limit: number;
  /** How many are to be embedded, for progress. */
  readonly total: number;
}

interface MadeEmbedding extends NewEmbedding {
  readonly isCut: boolean;
}

const FAILURES_LISTED_MAX = 100;
/** So many texts that are refused one after the other, and none taken between them, are no matter of single texts. */
const REFUSED_IN_A_ROW_MAX = 64;
/** Beliefs that change while they are embedded are taken up once more; who changes them all the time has to run it again. */
const PASSES_MAX = 3;

/**
 * Embeds what is missing, in pages by id: a page is read, sent to the endpoint and stored, each in a statement or
 * transaction of its own, so that none is open while the endpoint works, and what was stored stays.
 */
export class EmbedRun {
  /** Made with the first vector. */
  model: Model | null;
  embedded = 0;
  cut = 0;
  readonly failures: EmbedFailure[] = [];
  readonly #context: AppContext;
  readonly #task: EmbedTask;
  readonly #progress: EmbedProgress;
  /** Ends what other calls wait for when one has failed. */
  readonly #stop = new AbortController();
  readonly #failedIds = new Set<string>();
  #refusedInARow = 0;
  /** Sent in this pass, and not stored as their belief was changed meanwhile, or somebody else had stored one. */
  #passedOver = 0;
  #after: string | null = null;
  #taken = 0;
  #isAtEnd = false;
  #reading: Promise<unknown> = Promise.resolve();

  constructor(context: AppContext, task: EmbedTask) {
    this.#context = context;
    this.#task = task;
    this.model = task.model;
    this.#progress = new EmbedProgress(context, task.embedder.model, task.total);
  }

  get failed(): number {
    return this.#failedIds.size;
  }

  /** @throws `embedding/*`, `graph/refused` when the model is removed meanwhile, `database/*`, the reason of the context's signal */
  async finish(): Promise<void> {
    for (let pass = 0; pass < PASSES_MAX; pass += 1) {
      this.#after = null;
      this.#isAtEnd = false;
      this.#passedOver = 0;
      await this.#pass();
      if (this.#passedOver === 0 || this.#room() <= 0) return;
    }
  }

  async #pass(): Promise<void> {
    const workers = Array.from({ length: this.#task.config.concurrency }, () => this.#work());
    const ended = await Promise.allSettled(workers);
    this.#context.signal.throwIfAborted();
    const failures = ended.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []));
    // What the others were stopped by is the first one's failure.
    if (failures.length > 0) throw this.#stop.signal.reason as Error;
  }

  async #work(): Promise<void> {
    try {
      for (;;) {
        const page = await this.#nextPage();
        if (page === null) return;
        await this.#store(await this.#vectorsOf(page));
        this.#progress.report(this.embedded + this.failed);
      }
    } catch (error) {
      this.#stop.abort(error);
      throw error;
    }
  }

  /** One reader at a time: each page begins behind the one before. */
  #nextPage(): Promise<readonly UnembeddedBelief[] | null> {
    const page = this.#reading.then(() => this.#readPage());
    this.#reading = page.catch(() => undefined);
    return page;
  }

  async #readPage(): Promise<readonly UnembeddedBelief[] | null> {
    while (!this.#isAtEnd) {
      this.#context.signal.throwIfAborted();
      this.#stop.signal.throwIfAborted();
      const { database, config, domain, status } = this.#task;
      const limit = Math.min(config.batch, this.#room());
      if (limit <= 0) return null;
      const filter = { modelId: this.model?.id ?? null, domain, status };
      const rows = await unembeddedBeliefs(database, filter, { after: this.#after, limit, maxChars: config.maxChars });
      this.#isAtEnd = rows.length < limit;
      this.#after = rows.at(-1)?.id ?? this.#after;
      const page = rows.filter(({ id }) => !this.#failedIds.has(id));
      this.#taken += page.length;
      if (page.length > 0) return page;
    }
    return null;
  }

  /** How many may still be taken. */
  #room(): number {
    return this.#task.limit - this.#taken;
  }

  /** By halves where one of them is not taken, so that the others are, and it is known which one. */
  async #vectorsOf(beliefs: readonly UnembeddedBelief[]): Promise<readonly MadeEmbedding[]> {
    const signal = AbortSignal.any([this.#context.signal, this.#stop.signal]);
    try {
      const texts = beliefs.map(({ text }) => text);
      const vectors = await this.#task.embedder.embed(texts, 'document', signal);
      this.#refusedInARow = 0;
      return beliefs.map(({ id, contentDigest, isCut }, place) => {
        return { beliefId: id, contentDigest, isCut, vector: vectors[place]! };
      });
    } catch (error) {
      if (!isAboutText(error)) throw error;
      if (beliefs.length === 1) {
        this.#fail(beliefs[0]!, error);
        return [];
      }
      const half = beliefs.length >> 1;
      const first = await this.#vectorsOf(beliefs.slice(0, half));
      return [...first, ...(await this.#vectorsOf(beliefs.slice(half)))];
    }
  }

  #fail({ id }: UnembeddedBelief, error: ValenceError): void {
    this.#failedIds.add(id);
    if (this.failures.length < FAILURES_LISTED_MAX) this.failures.push({ id, reason: error.message });
    this.#refusedInARow += 1;
    if (this.#refusedInARow >= REFUSED_IN_A_ROW_MAX) throw error;
  }

  async #store(embeddings: readonly MadeEmbedding[]): Promise<void> {
    const [first] = embeddings;
    if (first === undefined) return;
    const { database, embedder } = this.#task;
    const dimensions = first.vector.length;
    const { model, stored } = await database.transaction({ mode: 'write' }, async (session) => {
      const now = new Date(this.#context.clock.now()).toISOString();
      const kept = this.model ?? (await requireModel(session, { name: embedder.model, dimensions }, now));
      if (kept.dimensions !== dimensions) throw otherLength(embedder, dimensions, kept.dimensions);
      return { model: kept, stored: await storeEmbeddings(session, kept.id, embeddings) };
    });
    this.model = model;
    const passedOver = embeddings.length - stored.size;
    this.embedded += stored.size;
    this.cut += embeddings.filter(({ beliefId, isCut }) => isCut && stored.has(beliefId)).length;
    this.#passedOver += passedOver;
    this.#taken -= passedOver;
  }
}

function otherLength({ model, host }: Embedder, length: number, expected: number): ValenceError {
  return new ValenceError(
    'embedding/malformed',
    `embedder ${model} at ${host}: a vector has ${length} numbers, where the model's have ${expected}`,
    { hint: 'another model answers there by now: give it another name under embedders in valence.yaml' },
  );
}
