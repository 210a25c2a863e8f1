import { findSnapshots, isWidelyListed } from '../vault/snapshots.ts';
import type { SnapshotsFound } from '../vault/snapshots.ts';
import type { ReadOptions, SnapshotDetails, SnapshotRecord } from './backup-calls.ts';
import type { AppContext } from './context.ts';
import { snapshotDetails, snapshotRecord } from './snapshot-record.ts';
import { openVaultFrom, pickSnapshot, placeWarnings, readerKey, requireTier } from './vault-reading.ts';

/** `backup list` and `backup show`: what the manifests of a vault say. */

/** As `BackupCalls.list`. */
export async function* listSnapshots(
  context: AppContext,
  options: ReadOptions,
): AsyncGenerator<SnapshotRecord, void, undefined> {
  const { found, places } = await readManifests(context, options);
  const { tier } = options;
  await requireTier(context, found, tier);
  for (const snapshot of found.snapshots) {
    if (tier === undefined || snapshot.manifest.header.tier === tier) yield snapshotRecord(snapshot);
  }
  const serious = found.broken.find(
    ({ name, foreign }) => !foreign && isWidelyListed(name, places) && (tier === undefined || name.tier === tier),
  );
  if (serious !== undefined) throw serious.error;
}

/** As `BackupCalls.show`. */
export async function showSnapshot(context: AppContext, id: string, options: ReadOptions): Promise<SnapshotDetails> {
  const { found } = await readManifests(context, options);
  return snapshotDetails(pickSnapshot(found, id, null));
}

async function readManifests(
  context: AppContext,
  { from, keyFile, warn }: ReadOptions,
): Promise<{ readonly found: SnapshotsFound; readonly places: number }> {
  const vault = await openVaultFrom(context, from, await readerKey(context, keyFile));
  for (const warning of placeWarnings(vault)) warn?.(warning);
  const found = await findSnapshots(vault.places, vault.keyring, null, context.signal);
  return { found, places: vault.places.length };
}
