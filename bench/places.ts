import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { startFiveKinds } from '../test/support/five-kinds.ts';
import { onServer } from '../test/support/postgres.ts';
import { serverProgram } from '../test/support/servers/server-process.ts';
import { measureSilentPlace } from './dead-place.ts';
import { measureFivePlaces } from './five-places.ts';
import type { Measured } from './full-backup.ts';
import { RAW_PROGRAMS } from './raw-tools.ts';
import { measureThroughput } from './throughput.ts';

/** What is measured on places of five kinds, on real servers of our own. */

const SERVERS = ['versitygw', 'rclone', 'ipfs', 'sshd'] as const;

/** @throws when a server or a tool is not installed: nothing is skipped */
export function requirePrograms(): void {
  for (const program of new Set([...SERVERS, ...RAW_PROGRAMS])) serverProgram(program);
}

/** `parts`: `backends`, `silent`, or both. */
export async function measurePlaces(parts: readonly (string | undefined)[], measured: Measured): Promise<void> {
  const { url, work } = measured;
  // What the vaults of other parts have left there would burden ours.
  await onServer(url, 'TRUNCATE valence_catalog.heads, valence_catalog.chunks, valence_catalog.segments');
  const [servers, speed, faults, silent] = ['servers', 'speed', 'five', 'silent'].map((name) => join(work, name)) as [
    string,
    string,
    string,
    string,
  ];
  for (const folder of [servers, speed, faults, silent]) await mkdir(folder);
  await using kinds = await startFiveKinds(servers);
  if (parts.includes('backends')) {
    await measureThroughput(kinds, { ...measured, work: speed });
    await measureFivePlaces(kinds, { ...measured, work: faults });
  }
  if (parts.includes('silent')) await measureSilentPlace(kinds, { ...measured, work: silent });
}
