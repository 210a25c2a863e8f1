import type { Catalog, CatalogHead } from '../core/ports.ts';
import { toHex } from '../core/bytes.ts';
import { isValenceError, ValenceError } from '../core/errors.ts';
import { IndexMap, readIndex } from '../vault/index-map.ts';
import type { Keyring } from '../vault/keyring.ts';
import type { Place } from '../vault/places.ts';
import { Presence } from '../vault/presence.ts';
import type { ObjectProblem } from '../vault/read-object.ts';
import { isWidelyListed, listSnapshotNames, readSnapshot } from '../vault/snapshots.ts';
import type { Snapshot, SnapshotName } from '../vault/snapshots.ts';
import { availableChunks, KnownChunks } from './known-chunks.ts';
import type { WritableHolder } from './holders.ts';

/** Where a tier stands before a run: what its backends show, held against what this host remembers. */

export interface TierState {
  readonly sequence: number;
  /** This writer's newest snapshot of the tier. */
  readonly previous: Uint8Array | null;
  /** Index segments that the next snapshot builds on. */
  readonly segments: readonly Uint8Array[];
  readonly index: IndexMap;
  /** What the holders list at the beginning of the run. */
  readonly presence: Presence;
  readonly known: KnownChunks;
  /** Damaged copies that were met. */
  readonly problems: readonly ObjectProblem[];
  readonly notes: readonly string[];
}

export interface TierStateOptions {
  readonly tier: string;
  /** UUID text of this host's writer. */
  readonly writerId: string;
  readonly holders: readonly WritableHolder[];
  readonly keyring: Keyring;
  readonly catalog: Catalog;
  readonly signal?: AbortSignal | undefined;
}

/**
 * @throws `integrity/chain-broken` when the backends show less than this host committed: they were rolled back, emptied or
 * exchanged; `integrity/*` when the newest snapshot cannot be believed
 */
export async function openTierState(options: TierStateOptions): Promise<TierState> {
  const { tier, holders, catalog, signal } = options;
  const places: Place[] = holders.map(({ backend, holder }) => ({ backend, holder }));
  const { names } = await listSnapshotNames(places, tier, signal);
  const remembered = await catalog.head(tier);
  refuseRollback(tier, names, remembered);
  const { newest, own, passedOver } = await readHeads(names, remembered, options);
  // Only of its own last snapshot does the catalog know every chunk, and so what the next one drops. After anything else,
  // such as a restored home or a run that ended before the catalog was written, the index begins anew: segments that
  // nobody tidies would make a restore ask for stripes that no row needs.
  const isCurrent = own !== null && remembered !== null && Buffer.compare(own.manifest.digest, remembered.digest) === 0;
  const built = await readOwnIndex(places, isCurrent ? own : null, options);
  const presence = await Presence.load(places, signal);
  const known = await KnownChunks.load(
    remembered === null ? nothing() : catalog.chunks(tier),
    availableChunks(built.index, presence),
  );
  const others = newest !== null && newest.manifest.header.writerId !== options.writerId;
  return {
    sequence: (newest?.manifest.header.sequence ?? 0) + 1,
    previous: own?.manifest.digest ?? null,
    segments: built.segments,
    index: built.index,
    presence,
    known,
    problems: built.problems,
    notes: [
      ...passedOver,
      ...built.notes,
      ...(others ? [`another host wrote the newest snapshot of tier ${tier} before this one`] : []),
    ],
  };
}

/** What the next snapshot builds on. An index that is lost must not stop backups: the next one begins anew, and says so. */
async function readOwnIndex(
  places: readonly Place[],
  own: Snapshot | null,
  { keyring, signal }: TierStateOptions,
): Promise<Pick<TierState, 'segments' | 'index' | 'notes' | 'problems'>> {
  if (own === null) return { segments: [], index: new IndexMap(), notes: [], problems: [] };
  const segments = own.manifest.header.index;
  try {
    return { segments, ...(await readIndex(places, keyring, segments, signal)), notes: [] };
  } catch (error) {
    if (!isValenceError(error, 'integrity/authentication-failed', 'integrity/too-few-shards', 'format/malformed'))
      throw error;
    return {
      segments: [],
      index: new IndexMap(),
      notes: [`everything was stored anew, because an old index is lost: ${error.message}`],
      problems: [],
    };
  }
}

function refuseRollback(tier: string, names: readonly SnapshotName[], remembered: CatalogHead | null): void {
  if (remembered === null) return;
  const id = toHex(remembered.digest);
  if (names.some((name) => toHex(name.digest) === id)) return;
  throw new ValenceError(
    'integrity/chain-broken',
    `the backends of tier ${tier} do not hold snapshot ${remembered.sequence} (${id.slice(0, 12)}), which this host committed`,
    {
      hint: 'they were rolled back, emptied or exchanged; if that is meant, take what they hold as it is: valence vault attach --from LOCATION',
      context: { tier, sequence: remembered.sequence, digest: id, found: names.length },
    },
  );
}

function unbelievable({ code, message, context, cause }: ValenceError): ValenceError {
  const hint =
    'bring back a location that has it undamaged; if it is lost, take what there is as it is: valence vault attach --from LOCATION';
  return new ValenceError(code, message, { hint, context, cause });
}

interface Heads {
  /** The newest snapshot of the tier, whoever wrote it; null in an empty tier. */
  readonly newest: Snapshot | null;
  /** This writer's newest. It may be newer than the remembered one: a run can end between its last two steps. */
  readonly own: Snapshot | null;
  /** What was found on the way and is nobody's snapshot. */
  readonly passedOver: readonly string[];
}

/**
 * Reads from the newest name backwards until this writer's own is found.
 * @throws what is wrong with a newest or remembered snapshot that cannot be believed: to build on what came before would
 * hide that. A host that remembers nothing takes what it finds as it is.
 */
async function readHeads(
  names: readonly SnapshotName[],
  remembered: CatalogHead | null,
  options: TierStateOptions,
): Promise<Heads> {
  let newest: Snapshot | null = null;
  const passedOver: string[] = [];
  for (const name of names.toReversed()) {
    const read = await readSnapshot(name, options.keyring, options.signal);
    if ('snapshot' in read) {
      newest ??= read.snapshot;
      if (read.snapshot.manifest.header.writerId === options.writerId)
        return { newest, own: read.snapshot, passedOver };
      continue;
    }
    const { foreign, error } = read.broken;
    const isRemembered = remembered !== null && Buffer.compare(name.digest, remembered.digest) === 0;
    const mayBeNewest = newest === null && remembered !== null && isWidelyListed(name, options.holders.length);
    if (!foreign && (isRemembered || mayBeNewest)) throw unbelievable(error);
    passedOver.push(`passed over: ${error.message}`);
  }
  return { newest, own: null, passedOver };
}

async function* nothing(): AsyncGenerator<never, void, undefined> {}
