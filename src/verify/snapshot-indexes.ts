import type { SegmentBody } from '../format/index/segment-body.ts';
import { readIndexes } from '../vault/snapshot-indexes.ts';
import type { IndexReading, SnapshotIndexes } from '../vault/snapshot-indexes.ts';
import type { Snapshot } from '../vault/snapshots.ts';
import type { Finding } from './finding.ts';
import { holdsItsChunks } from './stripes.ts';

export interface CheckedIndexes extends SnapshotIndexes {
  /** Packs in segments whose chunks have other names. */
  readonly findings: readonly Finding[];
}

/** The index of all snapshots. Of the packs in the segments of these names (hexadecimal) the chunks are held against theirs. */
export async function checkIndexes(
  snapshots: readonly Snapshot[],
  reading: Omit<IndexReading, 'seen'>,
  checked: ReadonlySet<string>,
): Promise<CheckedIndexes> {
  const findings: Finding[] = [];
  const seen = (digest: string, body: SegmentBody): void => {
    if (checked.has(digest)) findings.push(...packFindings(digest, body));
  };
  return { ...(await readIndexes(snapshots, { ...reading, seen })), findings };
}

function packFindings(digest: string, { inline }: SegmentBody): Finding[] {
  if (inline.every(({ bytes, chunks }) => holdsItsChunks(bytes, chunks))) return [];
  const detail = 'a chunk in a pack of it does not have the name the index gives';
  const object = `index/${digest}`;
  return [{ kind: 'pack-inconsistent', severity: 'error', location: 'the index', object, detail }];
}
