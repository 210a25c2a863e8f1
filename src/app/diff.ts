import { toHex } from '../core/bytes.ts';
import { findSnapshots } from '../vault/snapshots.ts';
import type { Snapshot, SnapshotsFound } from '../vault/snapshots.ts';
import { diffTrees } from '../vault/tree-diff.ts';
import type { AppContext } from './context.ts';
import type { ChangeCounts, ComparedSnapshot, DiffEvent, DiffOptions, DiffTable, RowDifference } from './diff-calls.ts';
import { openSides } from './diff-sides.ts';
import type { ComparedTrees, Sides } from './diff-sides.ts';
import { openOwner } from './keys.ts';
import { diffTableOf, rowDifference } from './row-difference.ts';
import { openVaultFrom, pickSnapshot, placeWarnings, requireTier } from './vault-reading.ts';

/** `backup diff`: what two snapshots do not have in common, by walking the trees of both. */
export async function* diffSnapshots(
  context: AppContext,
  options: DiffOptions,
): AsyncGenerator<DiffEvent, void, undefined> {
  const identity = await openOwner(context, options.keyFile);
  const vault = await openVaultFrom(context, options.from, { kind: 'owner', identity });
  const found = await findSnapshots(vault.places, vault.keyring, null, context.signal);
  for (const warning of placeWarnings(vault)) options.warn?.(warning);
  await requireTier(context, found, options.tier);
  const { before, after } = choose(found, options);
  const archived = { wait: options.wait ?? false, progress: context.progress };
  const sides = openSides(vault, { before, after, found, archived, signal: context.signal });
  const counts = new Counts();
  for (const trees of sides.pairs) {
    context.progress({ stage: `comparing ${diffTableOf(trees.pair.layout)}` });
    yield* differences(trees, { sides, counts, rows: options.rows, signal: context.signal });
  }
  yield {
    type: 'summary',
    before: comparedSnapshot(before),
    after: comparedSnapshot(after),
    tables: counts.tables,
    embeddingsByModel: Object.fromEntries(counts.models),
    bytesRead: sides.bytesRead(),
  };
}

/** Without a second snapshot, what has changed since the first. */
function choose(found: SnapshotsFound, options: DiffOptions): { readonly before: Snapshot; readonly after: Snapshot } {
  if (found.snapshots.length === 0 && found.broken[0] !== undefined) throw found.broken[0].error;
  const before = pickSnapshot(found, options.before, options.tier ?? null);
  const { after } = options;
  if (after !== undefined) return { before, after: pickSnapshot(found, after, options.tier ?? null) };
  return { before, after: pickSnapshot(found, 'latest', before.manifest.header.tier) };
}

interface Comparing {
  readonly sides: Sides;
  readonly counts: Counts;
  readonly rows: DiffOptions['rows'];
  readonly signal: AbortSignal;
}

const KNOWLEDGE: ReadonlySet<DiffTable> = new Set<DiffTable>(['beliefs', 'sources', 'edges']);

async function* differences(
  { pair, modelId }: ComparedTrees,
  { sides, counts, rows, signal }: Comparing,
): AsyncGenerator<RowDifference, void, undefined> {
  const { layout, sameIds } = pair;
  const table = diffTableOf(layout);
  const isListed = rows === 'all' || (rows === 'knowledge' && KNOWLEDGE.has(table));
  let model: string | null = null;
  for await (const difference of diffTrees(pair, { countOnly: !isListed })) {
    signal.throwIfAborted();
    if (modelId !== null) model ??= (await sides.modelNames()).get(modelId) ?? modelId;
    if (difference.kind === 'counted') {
      counts.add(table, model, difference);
      continue;
    }
    counts.add(table, model, { change: difference.kind, rows: 1 });
    if (isListed) yield rowDifference(difference, { layout, sameIds, model });
  }
}

class Counts {
  readonly tables: Readonly<Record<DiffTable, Tally>> = {
    beliefs: nothing(),
    versions: nothing(),
    sources: nothing(),
    provenance: nothing(),
    edges: nothing(),
    models: nothing(),
    embeddings: nothing(),
  };
  /** Embeddings by name of their model. */
  readonly models = new Map<string, Tally>();

  add(
    table: DiffTable,
    model: string | null,
    { change, rows }: { readonly change: keyof Tally; readonly rows: number },
  ): void {
    this.tables[table][change] += rows;
    if (model === null) return;
    const tally = this.models.get(model) ?? nothing();
    tally[change] += rows;
    this.models.set(model, tally);
  }
}

type Tally = { -readonly [Change in keyof ChangeCounts]: number };

function nothing(): Tally {
  return { added: 0, changed: 0, removed: 0 };
}

function comparedSnapshot({ manifest: { digest, header } }: Snapshot): ComparedSnapshot {
  const { tier, sequence, createdAt } = header;
  return { id: toHex(digest), tier, sequence, createdAt: new Date(createdAt).toISOString() };
}
