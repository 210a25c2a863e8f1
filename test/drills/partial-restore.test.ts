import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDirectory } from '../../src/backends/directory/directory.ts';
import { silentProgress } from '../../src/core/progress.ts';
import { openMasterKey, parseMasterKey } from '../../src/format/keys/master-key.ts';
import { ownerIdentity } from '../../src/format/keys/owner.ts';
import { snapshotSinkInto } from '../../src/graph/snapshot/snapshot-sink.ts';
import { openPartial } from '../../src/pipeline/partial-restore.ts';
import { planRestore } from '../../src/pipeline/restore.ts';
import type { RestoreInput, RestorePlan } from '../../src/pipeline/restore.ts';
import type { Database } from '../../src/schema/database.ts';
import { openDatabase } from '../../src/schema/open-database.ts';
import { openKeyring } from '../../src/vault/keyring.ts';
import { openPlaces } from '../../src/vault/places.ts';
import { findSnapshots } from '../../src/vault/snapshots.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { TemporaryFolder } from '../support/temporary-folder.ts';
import { beliefNumber, buildVault, PASSPHRASE } from '../support/vault-folders.ts';
import type { VaultFolders } from '../support/vault-folders.ts';

/** Parts of the newest snapshot of a real vault, loaded into an empty database and compared with the one it came from. */

let folder: TemporaryFolder;
let vault: VaultFolders;
let origin: Database;

beforeAll(async () => {
  folder = await temporaryFolder();
  vault = await buildVault(join(folder.path, 'vault'));
  origin = await openDatabase({ folder: join(vault.home, 'database') });
}, 120_000);

afterAll(async () => {
  await origin[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

async function openNewest(roots: readonly string[]): Promise<{ input: RestoreInput; plan: RestorePlan }> {
  const owner = ownerIdentity(await openMasterKey(parseMasterKey(await readFile(vault.masterKey)), PASSPHRASE));
  const backends = await Promise.all(roots.map((root) => openDirectory({ root, name: 'd', mustExist: true })));
  const { places, vaultId } = await openPlaces(backends, null);
  const keyring = await openKeyring(places, vaultId, { kind: 'owner', identity: owner });
  const { snapshots } = await findSnapshots(places, keyring, 'main');
  const input = { places, keyring, snapshot: snapshots.at(-1)! };
  return { input, plan: await planRestore(input) };
}

async function linesOf(database: Database, query: string): Promise<string[]> {
  const { rows } = await sql<{ line: string }>`${sql.raw(query)}`.execute(database.kysely);
  return rows.map(({ line }) => line).toSorted();
}

/** Rows of a table as JSON; without `beliefs`, all. */
function rowsAbout(table: string, beliefs: readonly string[] | null): string {
  const ids = `ANY ('{${(beliefs ?? []).join(',')}}'::uuid[])`;
  const conditions: Readonly<Record<string, string>> = {
    beliefs: `r.id = ${ids}`,
    belief_versions: `r.belief_id = ${ids}`,
    sources: `r.id IN (SELECT source_id FROM valence.belief_sources WHERE belief_id = ${ids})`,
    belief_sources: `r.belief_id = ${ids}`,
    belief_edges: `r.source_id = ${ids} AND r.target_id = ${ids}`,
    belief_embeddings: `r.belief_id = ${ids}`,
  };
  const where = beliefs === null ? 'true' : (conditions[table] ?? 'true');
  return `SELECT to_jsonb(r)::text AS line FROM valence.${table} AS r WHERE ${where}`;
}

const TABLES = [
  'beliefs',
  'belief_versions',
  'sources',
  'belief_sources',
  'belief_edges',
  'models',
  'belief_embeddings',
];

/** The beliefs within so many edges, as the database finds them. */
function within(beliefs: readonly string[], hops: number): string {
  return `WITH RECURSIVE reached (id, hops) AS (
    SELECT id, 0 FROM valence.beliefs WHERE id = ANY ('{${beliefs.join(',')}}'::uuid[])
    UNION SELECT CASE r.id WHEN e.source_id THEN e.target_id ELSE e.source_id END, r.hops + 1
      FROM reached AS r JOIN valence.belief_edges AS e ON r.id IN (e.source_id, e.target_id) WHERE r.hops < ${hops}
  ) SELECT DISTINCT id::text AS line FROM reached`;
}

describe('a part of a vault', () => {
  test.for([
    [[1], 0, 5],
    [[5, 9], 1, 5],
    [[2], 3, 3],
    [[1, 2, 3], 40, 4],
  ] as const)(
    'of beliefs %j over %d hops, from %d places, is what the database holds',
    async ([asked, hops, count]) => {
      const { input, plan } = await openNewest(vault.places.slice(0, count));
      const ids = asked.map(beliefNumber);
      const part = await openPartial(input, plan, { beliefs: ids, hops });
      await using target = await openDatabase({ memory: true });
      const restored = await snapshotSinkInto(target)((sink) => part.load(sink, silentProgress));
      const beliefs = await linesOf(origin, within(ids, hops));
      expect(restored.counts['beliefs']).toBe(beliefs.length);
      expect(restored.counts).toEqual(await part.counts());
      expect(restored.orphanEdges).toEqual([]);
      for (const table of TABLES) {
        const rows = await linesOf(target, rowsAbout(table, null));
        expect(rows, table).toEqual(await linesOf(origin, rowsAbout(table, beliefs)));
        expect(rows.length, table).toBe(restored.counts[table]);
      }
    },
  );
});
