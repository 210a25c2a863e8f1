/** The chunks of one pack or the drops of one segment, each by its number. */
export type ChunkNumbers = Uint32Array;

/** A segment, as far as it decides which stripes are live. */
export interface DroppingSegment {
  /** Chunks that it drops, each perhaps several times. */
  readonly dropped: ChunkNumbers;
}

/**
 * Counts for each stripe how many of its chunks the listed segments drop. Going from one snapshot to the next costs only as much
 * as their segments differ: those of a thousand snapshots in a row are nearly the same.
 */
export class DroppedChunks {
  /** By stripe. */
  readonly #sizes: Uint32Array;
  readonly #dead: Uint32Array;
  /** By chunk: how often the listed segments drop it. */
  readonly #drops: Uint32Array;
  /** The stripes of chunk `c`, once for each time that one has it, are `#stripes` from `#starts[c]` to `#starts[c + 1]`. */
  readonly #starts: Uint32Array;
  readonly #stripes: Uint32Array;
  #listed: ReadonlySet<DroppingSegment> = new Set();

  /** `stripes`: the chunks of each; chunks have numbers below `chunks`. */
  constructor(stripes: readonly ChunkNumbers[], chunks: number) {
    this.#sizes = Uint32Array.from(stripes, ({ length }) => length);
    this.#dead = new Uint32Array(stripes.length);
    this.#drops = new Uint32Array(chunks);
    this.#starts = new Uint32Array(chunks + 1);
    for (const numbers of stripes) for (const chunk of numbers) this.#starts[chunk + 1]! += 1;
    for (let chunk = 0; chunk < chunks; chunk += 1) this.#starts[chunk + 1]! += this.#starts[chunk]!;
    this.#stripes = new Uint32Array(this.#starts[chunks]!);
    const next = this.#starts.slice();
    for (const [stripe, numbers] of stripes.entries()) {
      for (const chunk of numbers) {
        this.#stripes[next[chunk]!] = stripe;
        next[chunk]! += 1;
      }
    }
  }

  /** From now on these segments count, and no others. */
  list(segments: ReadonlySet<DroppingSegment>): void {
    for (const segment of this.#listed) if (!segments.has(segment)) this.#unlist(segment);
    for (const segment of segments) if (!this.#listed.has(segment)) this.#add(segment);
    this.#listed = segments;
  }

  /** Whether some chunk of a stripe is dropped by none of the listed segments. */
  isLive(stripe: number): boolean {
    return this.#dead[stripe]! < this.#sizes[stripe]!;
  }

  #add({ dropped }: DroppingSegment): void {
    for (const chunk of dropped) {
      this.#drops[chunk]! += 1;
      if (this.#drops[chunk] === 1) this.#count(chunk, 1);
    }
  }

  #unlist({ dropped }: DroppingSegment): void {
    for (const chunk of dropped) {
      this.#drops[chunk]! -= 1;
      if (this.#drops[chunk] === 0) this.#count(chunk, -1);
    }
  }

  #count(chunk: number, change: 1 | -1): void {
    for (let at = this.#starts[chunk]!; at < this.#starts[chunk + 1]!; at += 1) {
      this.#dead[this.#stripes[at]!]! += change;
    }
  }
}
