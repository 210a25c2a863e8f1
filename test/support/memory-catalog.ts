import { toHex } from '../../src/core/bytes.ts';
import { invariant, ValenceError } from '../../src/core/errors.ts';
import type {
  Catalog,
  CatalogChunk,
  CatalogHead,
  KeyRange,
  OwnedKeys,
  StoredTrees,
  TierCommit,
  TierRecord,
  TreeCensus,
  TreeId,
  TreePosition,
  TreeStretch,
} from '../../src/core/ports.ts';

interface Remembered {
  readonly record: TierRecord;
  /** By tree and level, each ascending by last key and piece. */
  readonly levels: ReadonlyMap<string, readonly TreePosition[]>;
}

/** What a host remembers of its tiers, in memory; also as the trees that an open snapshot reads. */
export class MemoryCatalog implements Catalog, StoredTrees {
  readonly #tiers = new Map<string, Remembered>();

  async heads(): Promise<readonly (CatalogHead & { readonly tier: string })[]> {
    return [...this.#tiers]
      .map(
        ([
          tier,
          {
            record: { sequence, digest, contentRoot },
          },
        ]) => ({ tier, sequence, digest, contentRoot }),
      )
      .sort((a, b) => (a.tier < b.tier ? -1 : 1));
  }

  async record(tier: string): Promise<TierRecord | null> {
    return this.#tiers.get(tier)?.record ?? null;
  }

  async *positions(tier: string): AsyncGenerator<TreePosition, void, undefined> {
    yield* this.#positions(tier);
  }

  async commit(tier: string, { base, removed, added, ...record }: TierCommit): Promise<void> {
    const head = this.#tiers.get(tier)?.record.digest ?? null;
    if (head === null ? base !== null : base === null || toHex(head) !== toHex(base)) {
      throw new ValenceError('backend/second-writer', 'another process committed meanwhile');
    }
    const positions = new Map<string, TreePosition>();
    for (const position of this.#positions(tier)) {
      if (removed === 'all' || removed.some((stretch) => liesIn(position, stretch))) continue;
      positions.set(placeOf(position), position);
    }
    for (const position of added) {
      invariant(!positions.has(placeOf(position)), 'no two positions are alike');
      positions.set(placeOf(position), copied(position));
    }
    const ordered = [...positions.values()].sort(byKey);
    this.#tiers.set(tier, {
      record,
      levels: Map.groupBy(ordered, ({ tree, level }) => levelKey(tree, level)),
    });
  }

  exclusively<T>(work: () => Promise<T>): Promise<T> {
    return work();
  }

  async forget(tier: string): Promise<void> {
    this.#tiers.delete(tier);
  }

  async owners(tier: string, tree: TreeId, level: number, keys: readonly Uint8Array[]): Promise<readonly OwnedKeys[]> {
    const owned = this.#owned(tier, tree, level);
    const found = keys.map((key) => owned.find(({ lastKey, isLast }) => isLast || Buffer.compare(key, lastKey) <= 0));
    return [...new Set(found)].filter((owner) => owner !== undefined);
  }

  async next(tier: string, tree: TreeId, level: number, lastKey: Uint8Array): Promise<OwnedKeys | null> {
    return this.#owned(tier, tree, level).find((owner) => Buffer.compare(owner.lastKey, lastKey) > 0) ?? null;
  }

  async within(
    tier: string,
    tree: TreeId,
    level: number,
    ranges: readonly KeyRange[],
  ): Promise<readonly TreePosition[]> {
    return this.#level(tier, tree, level).filter(({ lastKey }) => ranges.some((range) => holds(range, lastKey)));
  }

  async *all(tier: string, tree: TreeId): AsyncGenerator<TreePosition, void, undefined> {
    for (const position of this.#positions(tier)) if (treeKey(position.tree) === treeKey(tree)) yield position;
  }

  async uses(tier: string, names: readonly Pick<CatalogChunk, 'contentId' | 'name'>[]): Promise<readonly number[]> {
    const positions = Map.groupBy(this.#positions(tier), nameOf);
    return names.map((each) => positions.get(nameOf(each))?.length ?? 0);
  }

  async census(tier: string): Promise<readonly TreeCensus[]> {
    const chunks = this.#positions(tier).filter(({ piece }) => piece === 0);
    return [...Map.groupBy(chunks, ({ tree }) => treeKey(tree)).values()].map((of) => {
      const levels = [...Map.groupBy(of, ({ level }) => level)].sort(([a], [b]) => a - b);
      return {
        tree: of[0]!.tree,
        levels: levels.map(([, at]) => ({ chunks: at.length, rows: at.reduce((sum, { rows }) => sum + rows, 0) })),
      };
    });
  }

  #positions(tier: string): readonly TreePosition[] {
    return [...(this.#tiers.get(tier)?.levels.values() ?? [])].flat();
  }

  #level(tier: string, tree: TreeId, level: number): readonly TreePosition[] {
    return this.#tiers.get(tier)?.levels.get(levelKey(tree, level)) ?? [];
  }

  #owned(tier: string, tree: TreeId, level: number): readonly OwnedKeys[] {
    const own = this.#level(tier, tree, level).filter(({ piece }) => piece === 0);
    return own.map(({ lastKey }, i) => ({
      after: own[i - 1]?.lastKey ?? null,
      lastKey,
      isLast: i === own.length - 1,
    }));
  }
}

function liesIn(position: TreePosition, stretch: TreeStretch): boolean {
  const sameLevel = levelKey(position.tree, position.level) === levelKey(stretch.tree, stretch.level);
  return sameLevel && holds(stretch, position.lastKey);
}

function holds({ after, upTo }: KeyRange, key: Uint8Array): boolean {
  return (after === null || Buffer.compare(key, after) > 0) && (upTo === null || Buffer.compare(key, upTo) <= 0);
}

function byKey(a: TreePosition, b: TreePosition): number {
  return Buffer.compare(a.lastKey, b.lastKey) || a.piece - b.piece;
}

function treeKey({ name, modelId }: TreeId): string {
  return `${name} ${modelId ?? ''}`;
}

function levelKey(tree: TreeId, level: number): string {
  return `${treeKey(tree)} ${level}`;
}

function placeOf({ tree, level, lastKey, piece }: TreePosition): string {
  return `${levelKey(tree, level)} ${toHex(lastKey)} ${piece}`;
}

/** What is added may be views of memory that is used again. */
function copied(position: TreePosition): TreePosition {
  const { lastKey, contentId, name, key } = position;
  return {
    ...position,
    lastKey: Buffer.from(lastKey),
    contentId: Buffer.from(contentId),
    name: Buffer.from(name),
    key: Buffer.from(key),
  };
}

function nameOf({ contentId, name }: Pick<CatalogChunk, 'contentId' | 'name'>): string {
  return `${toHex(contentId)} ${toHex(name)}`;
}
