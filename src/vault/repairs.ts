import { fromHex, toHex } from '../core/bytes.ts';
import { isValenceError } from '../core/errors.ts';
import { READS_AT_ONCE } from '../core/limits.ts';
import { openRepair, parseRepair, REPAIR_RECORD_BYTES_MAX } from '../format/index/repair-record.ts';
import type { RepairHeader } from '../format/index/repair-record.ts';
import type { IndexedStripe } from '../format/index/segment-body.ts';
import { aheadInOrder } from './ahead.ts';
import type { IndexKeyring } from './keyring.ts';
import { listEverywhere } from './listing.ts';
import type { ListedObject } from './listing.ts';
import type { Place } from './places.ts';
import { readWholeObject } from './read-object.ts';
import type { ObjectProblem } from './read-object.ts';
import { RepairedStripes } from './repaired-stripes.ts';

/** The repair records of a vault, as its places list them. FORMAT.md §7.6. */

const NAME = /^repairs\/([0-9a-f]{64})$/;

/** Where a repair record lies. FORMAT.md §2.3. */
export function repairObjectName(digest: Uint8Array): string {
  return `repairs/${toHex(digest)}`;
}

export interface RepairRecord {
  readonly object: string;
  readonly digest: Uint8Array;
  readonly header: RepairHeader;
}

/** A record that tells nothing, whole or not: whoever may write to a place can put one there. */
export interface RefusedRepair {
  readonly object: string;
  readonly locations: readonly string[];
  readonly reason: string;
}

export interface Repairs {
  readonly stripes: RepairedStripes;
  /** Those that were opened. */
  readonly records: readonly RepairRecord[];
  /** Those that were passed over. */
  readonly refused: readonly RefusedRepair[];
  /** Places that could not be listed, and damaged copies. */
  readonly problems: readonly ObjectProblem[];
}

/** Reads every record that the places list; nothing in one can make it reject. @throws only when cancelled */
export async function loadRepairs(
  places: readonly Place[],
  keyring: IndexKeyring,
  signal?: AbortSignal,
): Promise<Repairs> {
  const { objects, problems: unlisted } = await listEverywhere(places, 'repairs/', signal);
  const named = [...objects.values()].filter(({ name }) => NAME.test(name)).sort((a, b) => (a.name < b.name ? -1 : 1));
  const stripes = new RepairedStripes();
  const records: RepairRecord[] = [];
  const refused: RefusedRepair[] = [];
  const problems = [...unlisted];
  const read = (object: ListedObject): Promise<RecordRead> => readRecord(object, keyring, signal);
  for await (const found of aheadInOrder(named, READS_AT_ONCE, read)) {
    problems.push(...found.problems);
    if ('refused' in found) refused.push(found.refused);
    else {
      records.push(found.record);
      for (const stripe of found.stripes) stripes.add(stripe, found.record.header.generation);
    }
  }
  return { stripes, records, refused, problems };
}

type RecordRead = { readonly problems: readonly ObjectProblem[] } & (
  | { readonly record: RepairRecord; readonly stripes: readonly IndexedStripe[] }
  | { readonly refused: RefusedRepair }
);

async function readRecord(
  { name: object, copies }: ListedObject,
  keyring: IndexKeyring,
  signal?: AbortSignal,
): Promise<RecordRead> {
  const digest = fromHex(NAME.exec(object)![1]!, 32);
  const locations = copies.map(({ backend }) => backend.location);
  const sources = copies.filter(({ sizeBytes }) => sizeBytes <= REPAIR_RECORD_BYTES_MAX);
  if (sources.length === 0) return { problems: [], refused: { object, locations, reason: 'it is larger than any' } };
  const read = await readWholeObject(
    sources.map(({ backend }) => backend),
    object,
    digest,
    signal,
  );
  const { bytes, problems } = read;
  if (bytes === null) return { problems, refused: { object, locations, reason: 'no copy of it is whole' } };
  try {
    const record = parseRepair(bytes);
    const { header } = record;
    const secrets = keyring.secrets(header.generation);
    if (header.vaultId !== keyring.vaultId || secrets === null)
      return { problems, refused: { object, locations, reason: 'it is of another vault or generation' } };
    return { problems, record: { object, digest, header }, stripes: openRepair(record, secrets.indexKey) };
  } catch (error) {
    if (!isValenceError(error)) throw error;
    return { problems, refused: { object, locations, reason: error.message } };
  }
}

export const NO_REPAIRS: Repairs = { stripes: new RepairedStripes(), records: [], refused: [], problems: [] };
