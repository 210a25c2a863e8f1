import { ValenceError } from '../core/errors.ts';
import { isUuid, uuidBytes, uuidText } from '../core/ids.ts';
import type { TreeName } from '../format/tables.ts';
import { KeyCollector, KeySet } from './key-set.ts';
import type { TreeLookup } from './tree-lookup.ts';
import { edgesAmong, startingWith } from './wanted.ts';
import type { Wanted } from './wanted.ts';

/** Which rows of a snapshot belong to some of its beliefs. FORMAT.md §5.2 and §5.3 for the trees and their keys. */

const ID_BYTES = 16;
/** Where the key of an edge, in either order of its tree, has the end by which it is not ordered. */
const OTHER_END_AT = 32;
/** Where the key of a row of belief_sources has the source. */
const SOURCE_AT = 16;

/** The tree of this name; of those that a snapshot has once. */
export type FindTree = (name: TreeName) => TreeLookup;

export interface ClosureOptions {
  /** UUID text, at least one. */
  readonly beliefs: readonly string[];
  /** How many edges, retired ones too and in either direction, may lead away from them. */
  readonly hops: number;
  readonly signal?: AbortSignal | undefined;
}

/** Some beliefs, with what must be known to tell which other rows are about them and refer to nothing else. */
export interface Closure {
  readonly beliefs: KeySet;
  /** The sources they name. */
  readonly sources: KeySet;
}

/**
 * The beliefs within so many hops. Reads the edges of those that are nearer, and leaves the others' alone. Ids of beliefs
 * or sources that the snapshot names but does not hold are not in it.
 * @throws `usage/invalid` with the ids, as `missing` in the context, of beliefs asked for that the snapshot does not hold;
 * `integrity/*`, `format/malformed`
 */
export async function closureOf(find: FindTree, { beliefs, hops, signal }: ClosureOptions): Promise<Closure> {
  let frontier = KeySet.of(beliefs.map(idBytes), ID_BYTES);
  let reached = await held(find('beliefs'), frontier);
  refuseMissing(frontier.minus(reached));
  frontier = reached;
  for (let hop = 0; hop < hops && frontier.size > 0; hop += 1) {
    signal?.throwIfAborted();
    const next = (await neighbours(find, frontier)).minus(reached);
    frontier = await held(find('beliefs'), next);
    reached = reached.union(frontier);
  }
  return { beliefs: reached, sources: await sourcesOf(find, reached) };
}

/** The rows of a tree that belong to a closure: such that what they refer to belongs to it, too. */
export function wantedOf(closure: Closure, name: TreeName): Wanted {
  const { beliefs, sources } = closure;
  const ofBeliefs = startingWith(beliefs);
  switch (name) {
    case 'belief_edges':
    case 'belief_edges_reverse':
      return edgesAmong(beliefs);
    case 'belief_sources':
      return { ...ofBeliefs, has: (key) => beliefs.has(key) && sources.has(key, SOURCE_AT) };
    case 'sources':
      return startingWith(sources);
    case 'models':
      return { mayLieIn: () => true, has: () => true };
    case 'beliefs':
    case 'belief_versions':
    case 'belief_embeddings':
      return ofBeliefs;
  }
}

function idBytes(id: string): Uint8Array {
  if (isUuid(id)) return uuidBytes(id);
  throw new ValenceError('usage/invalid', `${id.slice(0, 64)} is not the id of a belief`, {
    hint: 'give ids in full, as `belief show` prints them',
  });
}

/** Which of these ids are keys of the tree. */
async function held(tree: TreeLookup, ids: KeySet): Promise<KeySet> {
  if (ids.size === 0) return ids;
  const found = new KeyCollector(ID_BYTES);
  for await (const keys of tree.keys(startingWith(ids))) for (const key of keys) found.add(key);
  return found.finish();
}

function refuseMissing(ids: KeySet): void {
  if (ids.size === 0) return;
  const missing = [...ids].map(uuidText);
  const first = missing.slice(0, 3).join(', ');
  const more = missing.length > 3 ? ` and ${missing.length - 3} more` : '';
  const noun = missing.length === 1 ? 'belief' : 'beliefs';
  throw new ValenceError('usage/invalid', `the snapshot does not hold the ${noun} ${first}${more}`, {
    hint: 'check the ids, or take another snapshot: see `valence backup list`',
    context: { missing },
  });
}

async function neighbours(find: FindTree, beliefs: KeySet): Promise<KeySet> {
  const others = new KeyCollector(ID_BYTES);
  for (const name of ['belief_edges', 'belief_edges_reverse'] as const) {
    for await (const keys of find(name).keys(startingWith(beliefs))) {
      for (const key of keys) others.add(key, OTHER_END_AT);
    }
  }
  return others.finish();
}

async function sourcesOf(find: FindTree, beliefs: KeySet): Promise<KeySet> {
  const named = new KeyCollector(ID_BYTES);
  for await (const keys of find('belief_sources').keys(startingWith(beliefs))) {
    for (const key of keys) named.add(key, SOURCE_AT);
  }
  return held(find('sources'), named.finish());
}
