import assert from 'node:assert/strict';
import { DatabaseCatalog } from '../../src/catalog/database-catalog.ts';
import { systemClock } from '../../src/core/clock.ts';
import { toHex } from '../../src/core/bytes.ts';
import { uuidText } from '../../src/core/ids.ts';
import { openSnapshotSource, snapshotSourceOf } from '../../src/graph/snapshot/snapshot-source.ts';
import { snapshotSinkInto } from '../../src/graph/snapshot/snapshot-sink.ts';
import type { BackedUp, BackupOptions } from '../../src/pipeline/backup.ts';
import { contentRootOf } from '../../src/pipeline/read-trees.ts';
import { planRestore, restore } from '../../src/pipeline/restore.ts';
import type { Database } from '../../src/schema/database.ts';
import { MemoryVault } from './memory-vault.ts';

/** A vault in memory that backs up a real database, with its real catalog and change log. */
export class BackedDatabase {
  readonly vault: MemoryVault;
  readonly #database: Database;
  readonly #catalog: DatabaseCatalog;

  constructor(database: Database, seed: string) {
    this.#database = database;
    this.vault = new MemoryVault(seed, { k: 1, n: 1 });
    this.#catalog = new DatabaseCatalog(database, uuidText(this.vault.hostKey.vaultId), systemClock);
  }

  /** A run, each snapshot's content root being that of a full scan. Nothing may be written meanwhile. */
  async backUp(tiers: readonly string[], more: Partial<BackupOptions> = {}): Promise<BackedUp[]> {
    const root = await this.#rootOf(this.#database);
    const done = await this.run(tiers, more);
    for (const { snapshot } of done) assert.equal(toHex(snapshot.summary.contentRoot), root);
    return done;
  }

  run(tiers: readonly string[], more: Partial<BackupOptions> = {}): Promise<BackedUp[]> {
    return this.vault.run(() => assert.fail('the database is the source'), tiers, {
      catalog: this.#catalog,
      withSnapshot: (read) =>
        this.#database.transaction({ mode: 'snapshot' }, async (session) =>
          read({
            source: await openSnapshotSource(session, this.#database.version),
            stored: this.#catalog.storedTrees(session),
          }),
        ),
      ...more,
    });
  }

  /** Rebuilds the snapshot that was listed last, and compares what stands there then. */
  async rebuild(empty: Database): Promise<void> {
    const { places, keyring, snapshots } = await this.vault.open();
    const snapshot = snapshots.at(-1)!;
    const plan = await planRestore({ places, keyring, snapshot });
    const { orphanEdges } = await restore({ places, keyring, snapshot }, plan, snapshotSinkInto(empty), () => {});
    assert.deepEqual(orphanEdges, []);
    assert.equal(await this.#rootOf(empty), toHex(snapshot.summary.contentRoot));
  }

  async #rootOf(database: Database): Promise<string> {
    const { secrets } = this.vault.hostKey;
    return toHex((await snapshotSourceOf(database)((source) => contentRootOf(source, secrets))).contentRoot);
  }
}
