import { uuidV5 } from '../../core/ids.ts';

/** Ids that follow from what they name, so that importing the same lines twice, anywhere, gives the same rows (docs/import-format.md). */

export function sourceId(type: string, externalId: string): string {
  return uuidV5(`source ${type} ${externalId}`);
}

export function modelId(name: string): string {
  return uuidV5(`model ${name}`);
}

/** Of an edge as it is stored, so `contradicts` with its ends in order. */
export function edgeId(source: string, target: string, type: string): string {
  return uuidV5(`${source} ${target} ${type}`);
}

/** `contradicts` is mutual: the lesser UUID is its source. Other types stay as they are. Lower-case UUIDs. */
export function storedEnds(
  source: string,
  target: string,
  type: string | null,
): readonly [source: string, target: string] {
  return type === 'contradicts' && target < source ? [target, source] : [source, target];
}
