import { toHex } from '../core/bytes.ts';
import type { Snapshot } from '../vault/snapshots.ts';
import type { SnapshotDetails, SnapshotRecord } from './backup-calls.ts';

/** A snapshot as `list`, `show` and `run` print it. */
export function snapshotRecord({ manifest, summary }: Snapshot, notes: readonly string[] = []): SnapshotRecord {
  const { header } = manifest;
  return {
    type: 'snapshot',
    id: toHex(manifest.digest),
    sequence: header.sequence,
    tier: header.tier,
    createdAt: new Date(header.createdAt).toISOString(),
    root: toHex(summary.contentRoot),
    counts: summary.counts,
    logicalBytes: summary.logicalBytes,
    newBytes: summary.newBytes,
    storedBytes: summary.storedBytes,
    survives: summary.survives,
    degraded: summary.degraded,
    notes,
  };
}

export function snapshotDetails(snapshot: Snapshot): SnapshotDetails {
  const { header } = snapshot.manifest;
  return {
    ...snapshotRecord(snapshot),
    previous: header.previous === null ? null : toHex(header.previous),
    writer: header.writerId,
    generation: header.generation,
    schemaVersion: snapshot.summary.schemaVersion,
    engine: snapshot.summary.engine,
    locations: snapshot.locations,
  };
}
